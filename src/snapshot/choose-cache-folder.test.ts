import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseCacheFolder, type CacheFolderState } from './choose-cache-folder.ts';

const states: Readonly<Record<string, CacheFolderState>> = {
  free: { isThere: true, hold: 'free' },
  shared: { isThere: true, hold: 'shared' },
  held: { isThere: true, hold: 'exclusive' },
  filling: { isThere: false, hold: 'exclusive' },
  none: { isThere: false, hold: 'free' },
};

/** Folders by number, then what a step gets that shares, wants one for itself, or wants the first; `-` is to wait. */
const table = `
  none                       | 0 | 0 | 0
  free none                  | 0 | 0 | 0
  shared none                | 0 | 1 | -
  held none                  | 1 | 1 | -
  filling none               | - | 1 | -
  held shared none           | 1 | 2 | -
  free shared none           | 1 | 0 | 0
  filling free none          | - | 1 | -
  filling shared none        | 1 | 2 | -
  held filling none          | - | 2 | -
  held held none             | 2 | 2 | -
  none free none             | 0 | 0 | 0
  free held none             | 0 | 0 | 0
`;

for (const line of table.trim().split('\n')) {
  const [folders = '', ...expected] = line.split('|').map((cell) => cell.trim());
  test(`of the folders ${folders} a step gets ${expected.join(', ')}`, () => {
    const given = folders.split(' ').map((name) => states[name] ?? assert.fail(name));
    const chosen = (['shared', 'private', 'locked'] as const).map((sharing) => chooseCacheFolder(sharing, given));
    assert.deepEqual(
      chosen.map((number) => String(number ?? '-')),
      expected,
    );
  });
}
