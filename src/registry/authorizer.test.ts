import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { HttpExchange } from '../http/index.ts';
import { createAuthorizer } from './authorizer.ts';

test('a registry that is spoken to over TLS may name no token server without it', async () => {
  const asked: string[] = [];
  const exchange: HttpExchange = async ({ url }) => {
    asked.push(url.href);
    throw new Fault('unavailable', 'not here');
  };
  const authorizer = createAuthorizer({
    exchange,
    credentials: async () => ({ username: 'somebody', password: 'secret' }),
    clock: Date,
    userAgent: 'varve/test',
  });
  const address = { registry: 'a.test', origin: 'https://a.test', insecure: false };
  const audience = { address, repository: 'app', scopes: [] };
  for (const realm of ['http://a.test/token', 'http://169.254.169.254/latest', 'file:///etc/shadow', '//b.test', '']) {
    const met = authorizer.meet(audience, `Bearer realm="${realm}"`, undefined);
    await assert.rejects(met, (error) => Fault.is(error, 'unavailable') && !error.message.includes('secret'), realm);
  }
  assert.deepEqual(asked, []);
  await assert.rejects(
    authorizer.meet(audience, 'Bearer realm="https://b.test/token"', undefined),
    /token for app from b\.test: not here/,
  );
});
