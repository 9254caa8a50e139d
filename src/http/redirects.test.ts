import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import type { HttpAnswer, HttpExchange, HttpRequest } from './http-exchange.ts';
import { exchangeFollowing } from './redirects.ts';

test('credentials are for the first origin: another port, scheme or host gets none, nor who is come back to', async () => {
  const asked = await follow({
    'https://a.test/1': 'https://a.test/2',
    'https://a.test/2': 'https://user:word@a.test:8443/3',
    'https://a.test:8443/3': 'https://a.test/4',
  });
  assert.deepEqual(asked, [
    'https://a.test/1 secret',
    'https://a.test/2 secret',
    'https://a.test:8443/3 -',
    'https://a.test/4 -',
  ]);
});

test('a redirect from HTTPS to plain HTTP, or to what is no web address, is refused', async () => {
  for (const [location, code] of [
    ['http://a.test/2', 'denied'],
    ['http://169.254.169.254/latest', 'denied'],
    ['//b.test/2', undefined],
    ['file:///etc/shadow', 'unavailable'],
    ['data:text/plain,x', 'unavailable'],
    ['https://[', 'unavailable'],
  ] as const) {
    const following = follow({ 'https://a.test/1': location });
    if (code === undefined) await following;
    else await assert.rejects(following, (error) => Fault.is(error, code), location);
  }
});

test('what changes something is sent on only where method and body stay', async () => {
  for (const [status, count] of [
    [301, 1],
    [302, 1],
    [303, 1],
    [307, 2],
    [308, 2],
  ] as const) {
    const asked = await follow({ 'https://a.test/1': 'https://a.test/2' }, { method: 'POST', status });
    assert.equal(asked.length, count, String(status));
  }
});

test('redirects end', async () => {
  await assert.rejects(follow({ 'https://a.test/1': '/1' }), /a\.test redirects more than 5 times/);
});

/** What is asked, and whether with credentials, of hosts that send on by this map. */
async function follow(
  locations: Readonly<Record<string, string>>,
  { method = 'GET', status = 307 }: { readonly method?: 'GET' | 'POST'; readonly status?: number } = {},
): Promise<readonly string[]> {
  const asked: string[] = [];
  const exchange: HttpExchange = async ({ url, headers }: HttpRequest): Promise<HttpAnswer> => {
    asked.push(`${url.href} ${headers['authorization'] ?? '-'}`);
    const location = locations[url.href];
    return {
      status: location === undefined ? 200 : status,
      headers: location === undefined ? {} : { location },
      body: nothing(),
      discard: async () => {},
    };
  };
  const request = { method, url: new URL('https://a.test/1'), headers: {} };
  await exchangeFollowing(exchange, request, { authorization: 'secret', signal: undefined });
  return asked;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
