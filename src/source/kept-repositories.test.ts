import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gitServer, TestRepository } from './git-server.fixture.ts';
import { gitLockName } from './git-source.ts';
import { keptRepositories } from './kept-repositories.ts';
import { parseGitUrl } from './parse-git-url.ts';
import { sourceStore } from './store.fixture.ts';

const skip = existsSync('/usr/bin/git') ? false : 'git is not installed';

test('a repository that is kept can be removed, not while it is used, and comes back', { skip }, async () => {
  const folder = mkdtempSync('/var/tmp/varve-git-');
  await using server = await gitServer(folder);
  using store = sourceStore();
  try {
    new TestRepository(join(folder, 'app.git')).commit({ a: '1' });
    const reference = parseGitUrl(`${server.origin}/app.git`);
    assert.ok(reference);
    (await store.sources.fetchGit(reference, {}))[Symbol.dispose]();
    const [kept, ...others] = keptRepositories(store.root, store.state.locks);
    assert.ok(kept !== undefined && others.length === 0);
    const lock = gitLockName(kept.name.slice('git/'.length));
    assert.equal(await store.state.locks.exclusively(lock, () => kept.remove()), false);
    assert.equal(await kept.remove(), true);
    assert.equal(await kept.remove(), false);
    assert.deepEqual(
      [keptRepositories(store.root, store.state.locks), readdirSync(join(store.root, 'trash'))],
      [[], []],
    );
    (await store.sources.fetchGit(reference, {}))[Symbol.dispose]();
    assert.equal(keptRepositories(store.root, store.state.locks).length, 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
