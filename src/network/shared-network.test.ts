import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { IsolatedNetwork, IsolatedNetworks } from './isolated-network.ts';
import { SharedNetwork } from './shared-network.ts';

const { signal } = new AbortController();

test('who asks for the network of a build gets the one that the first who asked had opened', async () => {
  const networks = new CountedNetworks();
  {
    await using shared = new SharedNetwork(networks, { signal });
    assert.equal(networks.opened, 0);
    const [one, other] = await Promise.all([shared.get(), shared.get()]);
    assert.equal(one, other);
    assert.equal(await shared.get(), one);
    assert.deepEqual([networks.opened, networks.closed], [1, 0]);
  }
  assert.deepEqual([networks.opened, networks.closed], [1, 1]);
});

test('a build that asks for no network opens none', async () => {
  const networks = new CountedNetworks();
  await new SharedNetwork(networks, { signal })[Symbol.asyncDispose]();
  assert.deepEqual([networks.opened, networks.closed], [0, 0]);
});

test('what keeps the network from being opened is told to everybody, and is no failure of closing it', async () => {
  const fault = new Fault('unavailable', 'open an isolated network: no');
  await using shared = new SharedNetwork({ open: () => Promise.reject(fault) }, { signal });
  await assert.rejects(shared.get(), fault);
  await assert.rejects(shared.get(), fault);
});

test('a network that is still being opened is closed too', async () => {
  const networks = new CountedNetworks();
  const shared = new SharedNetwork(networks, { signal });
  const opening = shared.get();
  await shared[Symbol.asyncDispose]();
  await opening;
  assert.deepEqual([networks.opened, networks.closed], [1, 1]);
});

class CountedNetworks implements IsolatedNetworks {
  opened = 0;
  closed = 0;

  async open(): Promise<IsolatedNetwork> {
    this.opened += 1;
    await Promise.resolve();
    const close = async (): Promise<void> => void (this.closed += 1);
    return { namespacePath: undefined, nameservers: [], machineAddress: undefined, [Symbol.asyncDispose]: close };
  }
}
