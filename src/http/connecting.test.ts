import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { openConnections } from './http-exchange.ts';
import { scriptedServer, send } from './scripted-server.fixture.ts';
import { isTransient } from './transient-fault.ts';

const timeouts = { answerMs: 60_000, stallMs: 60_000, minBytes: 1 };

test('who takes the connection and says nothing of TLS is given up after the time for connecting', async () => {
  const open = new Set<Socket>();
  const silent = createServer((socket) => void open.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  using connections = openConnections({ ...timeouts, connectMs: 50 }, { proxies: {} });
  const { port } = silent.address() as AddressInfo;
  const asked = connections.exchange({ url: new URL(`https://127.0.0.1:${port}/`), headers: {} }, undefined);
  await assert.rejects(asked, (error) => {
    assert.ok(Fault.is(error, 'unavailable') && isTransient(error));
    assert.equal(error.message, `no connection to 127.0.0.1:${port} within 50 ms`);
    return true;
  });
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

test('the time for connecting is no time for answering, on a fresh connection or one that was used', async () => {
  await using server = await scriptedServer((_, response) => void setTimeout(() => send(response, 200, 'late'), 250));
  using connections = openConnections({ ...timeouts, connectMs: 100 }, { proxies: {} });
  for (const path of ['first', 'second']) {
    const answer = await connections.exchange(
      { url: new URL(`http://${server.host}/${path}`), headers: {} },
      undefined,
    );
    assert.equal(answer.status, 200);
    await answer.discard();
  }
  assert.equal(server.connections(), 1);
});
