import type { CacheMountRecords } from '../state/index.ts';
import type { CacheMountFolder } from './cache-mount-folder.ts';
import { showCacheId } from './cache-mount-identity.ts';
import type { CacheMountProblem } from './cache-mounts.ts';

interface Checking {
  readonly records: CacheMountRecords;
  /** Runs `body` with the cache's lock, for a repair. */
  readonly inside: (body: (folder: CacheMountFolder) => void) => Promise<void>;
}

/** What is wrong with one cache, whose lock is held. A repair looks again before it changes anything. */
export function checkCacheMount(folder: CacheMountFolder, { records, inside }: Checking): readonly CacheMountProblem[] {
  return disorders(folder, records).map(({ name, kind, text, path }) => ({
    kind,
    message: `cache mount ${showCacheId(nameOf(folder, records))}: ${text}`,
    path,
    repair: () =>
      inside((now) =>
        disorders(now, records)
          .find((each) => each.name === name)
          ?.fix(),
      ),
  }));
}

interface Disorder {
  readonly name: string;
  readonly kind: CacheMountProblem['kind'];
  readonly text: string;
  readonly path: string;
  readonly fix: () => void;
}

function disorders(folder: CacheMountFolder, records: CacheMountRecords): readonly Disorder[] {
  const whole = disorderOfWhole(folder, records);
  if (whole !== undefined) return [{ name: '', path: folder.path, ...whole }];
  return folder.unfinished().map((name) => ({
    name,
    kind: 'left-over',
    text: 'a folder that a dead process did not fill',
    path: `${folder.path}/${name}`,
    fix: () => folder.discardUnfinished(name),
  }));
}

function disorderOfWhole(
  folder: CacheMountFolder,
  records: CacheMountRecords,
): Pick<Disorder, 'kind' | 'text' | 'fix'> | undefined {
  const record = records.get(folder.key);
  const facts = folder.readFacts();
  const drop = (): void => {
    folder.discard();
    records.delete(folder.key);
  };
  if (!folder.isThere) return { kind: 'error', text: 'it is in the database and not on the disk', fix: drop };
  if (folder.isInUse) return undefined;
  if (folder.numbers().length === 0) return { kind: 'left-over', text: 'it was never filled', fix: drop };
  if (facts !== undefined && record !== undefined) return undefined;
  if (facts !== undefined)
    return { kind: 'error', text: 'it is on the disk and not in the database', fix: () => records.add(facts) };
  if (record !== undefined)
    return { kind: 'error', text: 'its file is damaged', fix: () => void folder.create(record) };
  return { kind: 'left-over', text: 'nothing says whose it is', fix: drop };
}

function nameOf(folder: CacheMountFolder, records: CacheMountRecords): string {
  return records.get(folder.key)?.id ?? folder.readFacts()?.id ?? folder.key;
}
