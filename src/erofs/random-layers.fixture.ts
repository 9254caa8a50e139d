import { dir, file, link } from './layer.fixture.ts';
import type { Member } from './layer.fixture.ts';
import type { Draw } from '../std/random-numbers.fixture.ts';

/** A few entries, links and deletions with few names, so that they meet. Some links lead nowhere. */
export function randomMembers(next: Draw): Member[] {
  return Array.from({ length: 1 + next(8) }, () => {
    const path = randomPath(next);
    const mode = next(0o1000);
    const kind = next(12);
    if (kind < 5) return file(path, '', { mode });
    if (kind < 8) return dir(path, { mode });
    if (kind < 10) return file(path.replace(/[^/]+$/, '.wh.$&'));
    return kind === 10 ? file(path.replace(/[^/]+$/, '.wh..wh..opq')) : link(path, randomPath(next));
  });
}

function randomPath(next: Draw): string {
  return Array.from({ length: 1 + next(3) }, () => 'abc'[next(3)] ?? '').join('/');
}
