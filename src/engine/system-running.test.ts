import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainerBench, never, noContainers } from './containers.fixture.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { LocalSystem } from './local-system.ts';

function systemOf({ store, containers }: ContainerBench): LocalSystem {
  const collector = new GarbageCollector({
    ...store,
    cache: store.state.cache,
    leases: store.state.leases,
    containerChains: () => containers.chains(),
    transaction: (body) => store.state.transaction(body),
  });
  return new LocalSystem(store, { collector, containers });
}

test(
  'a running container keeps its image, its layers and its own files through a prune and a repair',
  { skip: noContainers },
  async () => {
    await using bench = new ContainerBench();
    const system = systemOf(bench);
    const id = await bench.runDetached('echo kept > /file; sleep 1000');
    const ended = await bench.run('echo gone > /file');
    const row = (await system.df()).find(({ kind }) => kind === 'container');
    assert.deepEqual([row?.total, row?.active], [2, 1]);
    const { deleted } = await system.prune({ all: true, dryRun: false, signal: never });
    assert.deepEqual(
      deleted.map(({ kind, name }) => `${kind} ${name}`),
      [`container ${ended.id}`],
    );
    const { findings } = await system.check({ repair: true, signal: never, onProgress: () => {} });
    assert.deepEqual(findings, []);
    assert.ok(bench.containers.diff(id).some(({ kind, path }) => kind === 'A' && path === '/file'));
    assert.equal(bench.containers.list({ all: false })[0]?.id, id);
    assert.deepEqual((await system.info()).containers, { running: 1, stopped: 0 });
  },
);
