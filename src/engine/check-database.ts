import { join } from 'node:path';
import { Fault } from '../errors/index.ts';
import {
  databaseProblems,
  processesUsingDatabase,
  setDatabaseAside,
  type Disagreement,
  type DocumentKind,
} from '../state/index.ts';
import type { Checking, Findings } from './check-findings.ts';
import type { Store } from './store.ts';

/**
 * Whether the database can be used. A damaged one is replaced by an empty one where `repair` is asked for; the old one
 * is kept in a folder beside it. To be called before this process has used the database: it must not be open then.
 *
 * Fault `conflict` if a process has the damaged database open.
 */
export function checkDatabase(
  { root, clock }: Store,
  { repair, findings }: { readonly repair: boolean; readonly findings: Findings },
): boolean {
  const [problem, ...more] = databaseProblems(root);
  if (problem === undefined) return true;
  const message = `database: ${problem}${more.length > 0 ? `, and ${more.length} more problems` : ''}`;
  if (!repair) {
    findings.error(`${message}; nothing else was checked`, false);
    return false;
  }
  const [user] = processesUsingDatabase(root);
  if (user !== undefined) {
    throw new Fault('conflict', `replace the damaged database: process ${user} has it open`, {
      hint: 'end that process and try again',
    });
  }
  const aside = join(root, 'damaged', new Date(clock.now()).toISOString().replaceAll(':', ''));
  setDatabaseAside(root, aside);
  findings.error(
    `${message}; it is made anew from the files, without the build cache; the old one is in ${aside}`,
    true,
  );
  return true;
}

/** Names, containers and volumes stand twice: as rows, which count, and as files, which outlive the database. */
export function checkDocuments({ store: { state }, repair, findings }: Checking): void {
  const found = state.repair.compare();
  if (repair && found.length > 0) {
    state.repair.restoreRows();
    state.repair.rewriteFiles();
  }
  const left = new Set((repair ? state.repair.compare() : found).map(keyOf));
  for (const each of found) {
    findings.error(`${nouns[each.kind]} ${each.id}: ${problemTexts[each.problem]}`, !left.has(keyOf(each)));
  }
}

const nouns: Readonly<Record<DocumentKind, string>> = {
  images: 'name',
  manifests: 'manifest',
  containers: 'container',
  volumes: 'volume',
};

const problemTexts: Readonly<Record<Disagreement['problem'], string>> = {
  'file-missing': 'it is in the database and not on file',
  'row-missing': 'it is on file and not in the database',
  different: 'its file says something else than the database',
  unreadable: 'its file is damaged',
};

function keyOf({ kind, id }: Disagreement): string {
  return `${kind} ${id}`;
}
