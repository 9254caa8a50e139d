/** What RUN's network is, by default and when asked for. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readlinkSync } from 'node:fs';
import { once } from 'node:events';
import { test } from 'node:test';
import { findExecutable } from '../src/host/index.ts';
import { needsRoot, TestStore } from './test-store.ts';

const skip = needsRoot !== false ? needsRoot : findExecutable('pasta') === undefined && 'pasta is not installed';

test('the steps of a build share an isolated network, those of another have their own', { skip }, async () => {
  await using store = new TestStore();
  await store.busybox();
  await using service = await loopbackService();
  const space = `echo "space=$(readlink /proc/self/ns/net)"`;
  const links = `echo "links=$(ls /sys/class/net | tr '\\n' ,)"`;
  const heard = `echo "heard=$(${fetched(`127.0.0.1:${service.port}`)})"`;
  const lines = [`RUN ${space}; ${links}`, `RUN ${space}; ${heard}`, `RUN --network=none ${links}`];
  const dockerfile = ['FROM busybox:local', ...lines, `RUN --network=host ${heard}; ${space}`, ''].join('\n');
  const context = store.context('c', { Dockerfile: dockerfile });
  const build = async (): Promise<Said> => {
    const { code, stderr } = await store.build(context, '--no-cache', '--allow', 'network.host');
    assert.equal(code, 0, stderr);
    return { space: said(stderr, 'space'), links: said(stderr, 'links'), heard: said(stderr, 'heard') };
  };
  const builds = await Promise.all([build(), build()]);
  for (const { space: spaces, ...rest } of builds) {
    assert.deepEqual([spaces[0], spaces[2]], [spaces[1], readlinkSync('/proc/self/ns/net')]);
    assert.deepEqual(rest.heard, ['', 'greetings']);
    assert.equal(rest.links[1], 'lo,');
  }
  assert.equal(new Set(builds.flatMap((each) => each.space)).size, 3);
});

test(
  'host-gateway is an address of the machine, given to a build that asks for it and to no other',
  { skip },
  async (t) => {
    await using store = new TestStore();
    await store.busybox();
    await using service = await loopbackService();
    const heard = `echo "heard=$(${fetched(`machine:${service.port}`)})"`;
    const Dockerfile = `FROM busybox:local\nRUN ${heard}\nRUN --network=host ${heard}\n`;
    const context = store.context('c', { Dockerfile });
    const ask = ['--allow', 'network.host', '--add-host', 'machine:host-gateway'];
    const { code, stderr } = await store.build(context, ...ask);
    if (stderr.includes('no address of this network')) return t.skip('this machine has no gateway');
    assert.equal(code, 0, stderr);
    assert.deepEqual(said(stderr, 'heard'), ['greetings', 'greetings']);
    const none = await store.build(
      store.context('none', { Dockerfile: 'FROM busybox:local\nRUN --network=none true\n' }),
      ...ask,
    );
    assert.equal(none.code, 1);
    assert.match(none.stderr, /no address of this network is host-gateway/);
  },
);

interface Said {
  readonly space: readonly string[];
  readonly links: readonly string[];
  readonly heard: readonly string[];
}

/** The values that the steps printed as `NAME=VALUE`, in order. */
function said(progress: string, name: string): readonly string[] {
  const printed = new RegExp(`^#\\d+ \\d+\\.\\d+ ${name}=(.*)$`, 'gm');
  return [...progress.matchAll(printed)].map(([, value = '']) => value);
}

/** What the service at `place` says; nothing where it cannot be reached. */
function fetched(place: string): string {
  return `timeout 20 wget -q -O - http://${place}/ 2>/dev/null`;
}

interface Service extends AsyncDisposable {
  readonly port: number;
}

async function loopbackService(): Promise<Service> {
  const server = createServer((_, response) => response.end('greetings'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const close = async (): Promise<void> => void (await once(server.close(), 'close'));
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, [Symbol.asyncDispose]: close };
}
