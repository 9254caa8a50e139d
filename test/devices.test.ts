/** `RUN --device`: what a vendor's file says a container needs, in containers of a build. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { needsRoot, TestStore } from './test-store.ts';

const folder = '/var/run/cdi';
const vendor = `varve-test-${process.pid}.example`;

describe('devices of a RUN', { skip: needsRoot }, () => {
  const store = new TestStore();
  const file = join(folder, `${vendor}.yaml`);
  const isOwnFolder = !existsSync(folder);

  before(async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(store.folder, 'library'), 'of the vendor\n');
    writeFileSync(file, description(join(store.folder, 'library')));
    await store.busybox();
  });
  after(async () => {
    rmSync(file, { force: true });
    if (isOwnFolder) rmdirSync(folder);
    await store[Symbol.asyncDispose]();
  });

  function dockerfile(run: string): string {
    return store.context('context', { Dockerfile: `FROM busybox:local\n${run}\n` });
  }

  test('one that is allowed adds its variables, nodes, mounts and groups; nothing of it is in the layer', async () => {
    const run = [
      'test "$COMMON $FOO" = "1 injected"',
      'echo x > /dev/vendor0 && test -c /dev/vendor0',
      'test "$(cat /usr/lib/vendor/library)" = "of the vendor"',
      '! touch /usr/lib/vendor/library',
      'id -G | grep -qw 4242',
      'touch /done',
    ].join(' && ');
    const context = dockerfile(`USER 1000\nRUN mkdir /tmp/x\nUSER 0\nRUN --device=${vendor}/device=foo ${run}`);
    const allow = ['--allow', `device=${vendor}/device=foo`];
    await store.ok(['build', '--progress=plain', '-t', 'devices', ...allow, context]);
    const { stdout } = await store.ok(['layers', 'devices']);
    assert.ok(!stdout.includes('vendor0'));
    const out = join(store.folder, 'out');
    await store.ok(['build', '-q', '-o', out, ...allow, context]);
    assert.ok(existsSync(join(out, 'done')) && !existsSync(join(out, 'usr/lib/vendor')));
    const again = await store.ok(['build', '--progress=plain', ...allow, context]);
    assert.equal(again.stderr.match(/CACHED/g)?.length, 2);
  });

  test('one is allowed by its name, its kind, all of them, or by its own description; else it is refused', async () => {
    const context = dockerfile(`RUN --device=${vendor}/device=foo true`);
    for (const allow of [`device=${vendor}/device`, `device=${vendor}/device=*`, 'device']) {
      await store.ok(['build', '-q', '--no-cache', '--allow', allow, context]);
    }
    for (const allow of [[], ['--allow', `device=${vendor}/device=open`], ['--allow', 'network.host']]) {
      const { code, stderr } = await store.build(context, ...allow);
      assert.equal(code, 1);
      assert.match(stderr, /device varve-test-\d+\.example\/device=foo is not allowed/);
      assert.match(stderr, />>> RUN --device/);
      assert.match(stderr, /hint: .*--allow device=/);
    }
    await store.ok(['build', '-q', dockerfile(`RUN --device=${vendor}/device=open test "$OPEN" = 1`)]);
  });

  test('one that is missing is an error where it is required, else it is done without', async () => {
    const { code, stderr } = await store.build(dockerfile(`RUN --device=${vendor}/device=none,required true`));
    assert.equal(code, 1);
    assert.match(stderr, /required device ".*=none" is not registered/);
    await store.ok(['build', '-q', dockerfile(`RUN --device=${vendor}/device=none true`)]);
    const wrong = await store.build(dockerfile('RUN --device=/dev/null true'));
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /invalid device "\/dev\/null"/);
  });

  test('one that wants to run programs on the machine is refused', async () => {
    const { code, stderr } = await store.build(
      dockerfile(`RUN --device=${vendor}/device=hooked true`),
      '--allow',
      'device',
    );
    assert.equal(code, 1);
    assert.match(stderr, /=hooked: its description wants hooks, which are not run here/);
  });
});

function description(library: string): string {
  return `
cdiVersion: "0.7.0"
kind: "${vendor}/device"
containerEdits:
  env: [COMMON=1]
devices:
- name: foo
  containerEdits:
    env: [FOO=injected]
    deviceNodes: [{path: /dev/vendor0, hostPath: /dev/null}]
    mounts: [{hostPath: "${library}", containerPath: /usr/lib/vendor/library, options: [ro, nosuid, nodev, bind]}]
    additionalGids: [4242]
- name: open
  annotations: {org.mobyproject.buildkit.device.autoallow: "true"}
  containerEdits: {env: [OPEN=1]}
- name: hooked
  containerEdits: {hooks: [{hookName: createContainer, path: /bin/true}]}
`;
}
