import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { showBytes } from '../../std/index.ts';
import { openContextContents } from './build-context-entries.ts';

/** What is in a directory that a script makes: `+` in the context, `-` left out, `!` with all below; then the line. */
function listed(script: string, file?: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'varve-context-'));
  try {
    const { status, stderr } = spawnSync('bash', ['-euc', script], { cwd: folder });
    assert.equal(status, 0, stderr.toString());
    using contents = openContextContents(folder, file === undefined ? undefined : join(folder, file));
    return Array.from(contents.entries(), ({ path, isIgnored, isPruned, rule }) => {
      const kept = isIgnored ? '-' : '+';
      return `${isPruned ? '!' : kept} ${showBytes(path)}${rule === undefined ? '' : ` ${rule.line}:${rule.text}`}`;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('each path names the last line that matched it, re-includes too', () => {
  const made = listed('mkdir a; touch a/x a/y.log a/z.log; printf "#\n*.log\n**/*.log\n!a/z.log" > .dockerignore');
  assert.deepEqual(made, ['+ .dockerignore', '+ a', '+ a/x', '- a/y.log 3:**/*.log', '+ a/z.log 4:!a/z.log']);
});

test('a folder that nothing can be taken back from is not looked into', () => {
  const made = listed('mkdir -p a/b c; touch a/b/x c/x; printf "a\nc\n!a/b" > .dockerignore');
  assert.deepEqual(made, ['+ .dockerignore', '+ a 1:a', '+ a/b 3:!a/b', '+ a/b/x 3:!a/b', '! c 2:c']);
});

test('a folder in which nothing was taken back comes after what is in it', () => {
  const made = listed('mkdir -p a/b; touch a/b/x a/y; printf "a\n!a/*/z" > .dockerignore');
  assert.deepEqual(made, ['+ .dockerignore', '- a/b/x 1:a', '- a/b 1:a', '- a/y 1:a', '- a 1:a']);
});

test('the ignore file of the Dockerfile goes before that of the directory', () => {
  const made = listed('touch D a b; echo a > .dockerignore; echo b > D.dockerignore', 'D');
  assert.deepEqual(made, ['+ .dockerignore', '+ D', '+ D.dockerignore', '+ a', '- b 1:b']);
});

test('names that are not UTF-8, links, pipes and sockets are listed as they are', () => {
  const made = listed('touch $(printf "a\\377"); ln -s nowhere link; mkfifo pipe');
  assert.deepEqual(made, ['+ a\\xff', '+ link', '+ pipe']);
});

test('a directory that is not there is an error', () => {
  assert.throws(
    () => openContextContents('/nonexistent/x', undefined),
    /open the context \/nonexistent\/x: no such file/,
  );
});
