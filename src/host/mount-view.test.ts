import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { linuxMounts } from './linux-mounts.ts';
import { withoutMounts } from './mount-view.ts';
import { spawnProcess } from './process.ts';
import { run } from './run.ts';

const real = { skip: process.getuid?.() !== 0 && 'mounting needs root' };
const env = { PATH: '/usr/bin:/bin' };
const mounts = linuxMounts();
let folder: string;

before(() => {
  folder = mkdtempSync('/var/tmp/varve-view-');
});

after(() => {
  for (const { target } of mounts.list().toReversed()) {
    if (target.startsWith(`${folder}/`)) mounts.unmount(target, { detach: true });
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A folder with a file below a mount and another on it. */
function mounted(name: string): string {
  const target = join(folder, name);
  mkdirSync(target);
  writeFileSync(join(target, 'below'), '');
  using mount = mounts.tmpfs({ sizeBytes: 65_536 });
  mounts.attach(mount, target);
  writeFileSync(join(target, 'above'), '');
  return target;
}

test('a process does not see what is mounted at a hidden place, and sees all else', real, async () => {
  const [hidden, shown] = [mounted('hidden'), mounted('shown')];
  const { stdout } = await run('/bin/ls', [hidden, shown], { env, hiddenMounts: [hidden] });
  assert.equal(stdout.toString(), `${hidden}:\n\n${shown}:\nabove\n`);
});

test('the machine’s mounts, this process’s namespace, root and working directory stay as they are', real, async () => {
  const hidden = mounted('stays');
  const before = look();
  await run('/bin/true', [], { env, hiddenMounts: [hidden] });
  assert.deepEqual(look(), before);
  assert.equal(await readlink('/proc/thread-self/ns/mnt'), before[1], 'and those of its other threads');
});

/** What this thread sees. */
function look(): readonly string[] {
  return [
    readFileSync('/proc/self/mountinfo', 'latin1'),
    ...['ns/mnt', 'root', 'cwd'].map((name) => readlinkSync(`/proc/thread-self/${name}`)),
  ];
}

test('all is as before where the start fails', real, async () => {
  const namespace = readlinkSync('/proc/thread-self/ns/mnt');
  await assert.rejects(run('/no/such/program', [], { env, hiddenMounts: [mounted('failing')] }), { code: 'not-found' });
  assert.throws(
    () =>
      withoutMounts([], () => {
        throw new Error('no start');
      }),
    /no start/,
  );
  assert.equal(readlinkSync('/proc/thread-self/ns/mnt'), namespace);
});

test('what it writes to a hidden place nobody else sees, neither on the mount nor below', real, async () => {
  const hidden = mounted('written');
  const script = 'mkdir "$0/new" && ls "$0"';
  const { stdout } = await run('/bin/sh', ['-c', script, hidden], { env, hiddenMounts: [hidden] });
  assert.equal(stdout.toString(), 'new\n');
  assert.deepEqual(readdirSync(hidden), ['above']);
  mounts.unmount(hidden);
  assert.deepEqual(readdirSync(hidden), ['below']);
});

test('a place that is not there need not be hidden', real, async () => {
  const hiddenMounts = [join(folder, 'absent')];
  assert.equal((await run('/bin/true', [], { env, hiddenMounts })).code, 0);
});

test('a process that lives on holds up no unmounting, and its copies end with the folder', real, async () => {
  const [hidden, kept] = [mounted('gone'), mounted('kept')];
  const child = await spawnProcess('/bin/sleep', ['60'], { env, stdio: [], hiddenMounts: [hidden] });
  try {
    const copies = (): boolean => readFileSync(`/proc/${child.pid}/mountinfo`, 'latin1').includes(` ${kept} `);
    mounts.unmount(kept);
    assert.ok(copies());
    rmSync(join(kept, 'below'));
    rmdirSync(kept);
    assert.ok(!copies());
  } finally {
    child.kill('SIGKILL');
    await child.ended;
  }
});
