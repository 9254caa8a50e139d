import { spawnSync } from 'node:child_process';
import { linkSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Choices } from './random-choices.ts';
import { writeFiles, type FileSpec, type FileTree } from './test-store.ts';

/** A file of a context, or another name of one that stands before it. */
export type ContextFile =
  | { readonly kind: 'file'; readonly path: string; readonly spec: FileSpec }
  | { readonly kind: 'hard link'; readonly path: string; readonly to: string }
  | { readonly kind: 'archive'; readonly path: string; readonly zipped: boolean };

/** Nearly always the same names: each is left out of some builds. */
export function randomContext(choices: Choices): readonly ContextFile[] {
  const mode = (): number => choices.pick([0o644, 0o644, 0o600, 0o755, 0o4755, 0o2711]);
  const file = (path: string): ContextFile => ({
    kind: 'file',
    path,
    spec: { content: `${path} ${choices.below(4)}\n`, mode: mode() },
  });
  const folder = (path: string): ContextFile => ({
    kind: 'file',
    path,
    spec: { dir: true, mode: choices.pick([0o755, 0o700, 0o1777]) },
  });
  const all: readonly ContextFile[] = [
    ...['dir', 'dir/sub', 'empty', 'deep', 'deep/er'].map(folder),
    ...[
      'one',
      'two.txt',
      'three.txt',
      'read.md',
      'with space',
      '.hidden',
      'st*r',
      'br[ack]et',
      'ünï',
      '-dash',
      'exe',
      'global',
    ].map(file),
    ...['dir/a', 'dir/b', 'dir/c.txt', 'dir/.dot', 'dir/sub/keep', 'dir/sub/big', 'deep/er/est', 'deep/er/b'].map(file),
    link('link', 'one'),
    link('dirlink', 'dir'),
    link('in-link', 'dir/a'),
    link('dir/up', '../one'),
    link('dir/out', '/etc/passwd'),
    { kind: 'hard link', path: 'hard1', to: 'one' },
    { kind: 'hard link', path: 'dir/hard2', to: 'one' },
    { kind: 'archive', path: 'archive.tar', zipped: false },
    { kind: 'archive', path: 'archive.tgz', zipped: true },
    file('broken.tar'),
  ];
  return all.filter(
    (each) => ['dir', 'one', 'archive.tar', 'deep/er', 'deep'].includes(each.path) || choices.chance(0.97),
  );
}

function link(path: string, to: string): ContextFile {
  return { kind: 'file', path, spec: { link: to } };
}

/** With times from `startSec` on: of long ago, so that they can be told from times of the build, and of no other context. */
export function writeContext(folder: string, files: readonly ContextFile[], startSec: number): void {
  for (const file of files) writeContextFile(folder, file);
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted().toReversed();
  for (const [index, path] of paths.entries()) lutimesSync(join(folder, path), 1e9, startSec + index);
}

function writeContextFile(folder: string, file: ContextFile): void {
  const path = join(folder, file.path);
  mkdirSync(dirname(path), { recursive: true });
  if (file.kind === 'file') writeFiles(folder, { [file.path]: file.spec });
  if (file.kind === 'hard link') linkSync(join(folder, file.to), path);
  if (file.kind === 'archive') writeArchive(path, file.zipped);
}

const archived: FileTree = {
  'in/a': { content: 'archived\n', mode: 0o4755 },
  'in/link': { link: 'a' },
  'in/folder': { dir: true, mode: 0o2750 },
  'in/folder/b': 'b\n',
  dir: { content: 'a file where others have a folder', mode: 0o600 },
};

function writeArchive(path: string, zipped: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'varve-archive-'));
  try {
    writeFiles(folder, archived);
    linkSync(join(folder, 'in/a'), join(folder, 'in/hard'));
    const fixed = ['--sort=name', '--mtime=@900000000', '--owner=5:5', '--group=6:6'];
    const made = spawnSync('tar', [zipped ? '-czf' : '-cf', path, ...fixed, '-C', folder, '.']);
    if (made.status !== 0) throw new Error(`tar: ${made.stderr}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
