/** `varve registry serve` beside Podman and containerd: both pull what was built, and what they push runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { peerProgram } from '../src/std/docker-peer.fixture.ts';
import { LiveProgram } from './live-program.ts';
import { needsRoot, runProgram, TestStore } from './test-store.ts';

/** That of Docker, which stands in the place of one of its own. */
const containerd = ['ctr', '--address', '/run/docker/containerd/containerd.sock', '--namespace', 'varve-test'];
const podman = ['podman'];

function needs(program: readonly string[], ...question: readonly string[]): string | false {
  if (needsRoot !== false || !existsSync(peerProgram)) return needsRoot || 'the peers are not here';
  const { status } = spawnSync(peerProgram, [...program, ...question], { stdio: 'ignore' });
  return status === 0 ? false : `${program[0]} does not answer among the peers`;
}

async function peer(...command: readonly string[]): Promise<string> {
  const ended = await runProgram(peerProgram, command);
  assert.equal(ended.code, 0, `${command.join(' ')}: ${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

interface Peer {
  readonly pull: (name: string) => readonly string[];
  readonly tag: (from: string, to: string) => readonly string[];
  readonly push: (name: string) => readonly string[];
  readonly remove: (...names: readonly string[]) => readonly string[];
}

const peers: Readonly<Record<string, readonly [Peer, skip: string | false]>> = {
  podman: [
    {
      pull: (name) => [...podman, 'pull', '-q', '--tls-verify=false', name],
      tag: (from, to) => [...podman, 'tag', from, to],
      push: (name) => [...podman, 'push', '-q', '--tls-verify=false', name],
      remove: (...names) => [...podman, 'rmi', '-f', ...names],
    },
    needs(podman, 'version'),
  ],
  containerd: [
    {
      pull: (name) => [...containerd, 'images', 'pull', '--plain-http', name],
      tag: (from, to) => [...containerd, 'images', 'tag', from, to],
      push: (name) => [...containerd, 'images', 'push', '--plain-http', name],
      remove: (...names) => [...containerd, 'images', 'rm', ...names],
    },
    needs(containerd, 'version'),
  ],
};

for (const [name, [asks, skip]] of Object.entries(peers)) {
  test(`${name} pulls from it what was built, and pushes to it what runs at once`, { skip }, async () => {
    await using store = new TestStore();
    await store.busybox('base:1');
    const context = store.context('app', { Dockerfile: 'FROM base:1\nCOPY file /file\n', file: 'content' });
    await store.ok(['build', '-q', '-t', 'app:1', context]);
    await using live = new LiveProgram(store, ['registry', 'serve', '--addr', '127.0.0.1:0']);
    await live.says(/listening on http:\/\/\S+/);
    const host = /listening on http:\/\/(\S+)/.exec(live.stderr)?.[1] ?? '';
    const [pulled, pushed] = [`${host}/app:1`, `${host}/from-${name}:2`];
    try {
      await peer(...asks.pull(pulled));
      await peer(...asks.tag(pulled, pushed));
      await peer(...asks.push(pushed));
    } finally {
      await runProgram(peerProgram, asks.remove(pulled, pushed));
    }
    const ran = await store.ok(['run', '--rm', '--network', 'host', `from-${name}:2`, 'cat', '/file']);
    assert.equal(ran.stdout, 'content');
  });
}
