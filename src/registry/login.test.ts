import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { scriptedServer, send, type Script } from '../http/scripted-server.fixture.ts';
import { parseReference } from '../oci/index.ts';
import type { Credentials } from './authorizer.ts';
import { RegistryClient } from './registry-client.ts';

const me = { username: 'me', password: 'pass' } as const;
const basic = `Basic ${Buffer.from('me:pass').toString('base64')}`;

test('a login asks the token server for an identity token, and gives it if there is one', async () => {
  for (const given of [{ refresh_token: 'kept' }, {}]) {
    await using server = await scriptedServer(tokenServer(given));
    using client = clientOf(me);
    const { identityToken } = await client.checkLogin(server.host, {});
    assert.equal(identityToken, given.refresh_token);
    const asked = server.requests.find(({ line }) => line.startsWith('GET /token'));
    assert.equal(asked?.headers.authorization, basic);
    assert.match(asked?.line ?? '', /service=s&offline_token=true&client_id=varve$/);
  }
});

test('who pulls and pushes asks for none', async () => {
  await using server = await scriptedServer(tokenServer({ refresh_token: 'kept' }));
  using client = clientOf(me);
  await Array.fromAsync(client.repository(parseReference(`${server.host}/app`)).tags({}));
  const asked = server.requests.find(({ line }) => line.startsWith('GET /token'));
  assert.doesNotMatch(asked?.line ?? '', /offline/);
});

test('an identity token is shown to the token server by POST, and to nobody else', async () => {
  await using server = await scriptedServer(tokenServer({}));
  using client = clientOf({ identityToken: 'kept' });
  assert.deepEqual(await Array.fromAsync(client.repository(parseReference(`${server.host}/app`)).tags({})), ['1']);
  assert.deepEqual(
    server.requests.map(({ line, headers }) => [line.split('?')[0], headers.authorization]),
    [
      ['GET /v2/app/tags/list', undefined],
      ['POST /token', undefined],
      ['GET /v2/app/tags/list', 'Bearer t'],
    ],
  );
});

test('a wrong password is unauthenticated, also where the token server says so', async () => {
  await using server = await scriptedServer(tokenServer({}));
  using client = clientOf({ ...me, password: 'wrong' });
  await assert.rejects(client.checkLogin(server.host, {}), (error) => Fault.is(error, 'unauthenticated'));
});

function clientOf(credentials: Credentials): RegistryClient {
  return new RegistryClient({ userAgent: 'varve/test', credentials: () => Promise.resolve(credentials) });
}

/** A registry with one tag, and its token server, which knows `me` and the identity token `kept`. */
function tokenServer(given: object): Script {
  return async ({ line, headers, body }, response) => {
    if (line.includes('/token')) {
      const form = new URLSearchParams((await Array.fromAsync(body)).join(''));
      const isKnown = headers.authorization === basic || form.get('refresh_token') === 'kept';
      return send(response, isKnown ? 200 : 401, JSON.stringify({ access_token: 't', ...given }));
    }
    if (headers.authorization === 'Bearer t') return send(response, 200, '{"tags":["1"]}');
    const challenge = `Bearer realm="http://${headers.host}/token",service="s"`;
    return send(response, 401, '', { 'www-authenticate': challenge });
  };
}
