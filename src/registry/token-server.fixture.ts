import { createSign, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { scriptedServer, send, type RecordedRequest } from '../http/scripted-server.fixture.ts';
import { registryUser, tokenService } from './docker-registry.fixture.ts';

/** A token server for a registry that checks what it is shown: tokens are good for what was asked, for who may do it. */
export interface TokenServer extends AsyncDisposable {
  /** Where tokens are to be had. */
  readonly realm: string;
  /** Every token that was given: how it was asked for, and what for. */
  readonly given: readonly {
    readonly by: 'password' | 'refresh token' | 'nobody';
    readonly scopes: readonly string[];
  }[];
}

export interface TokenServerOptions {
  /** Files of the key that signs, and of its certificate. */
  readonly signer: { readonly certificate: string; readonly key: string };
  /** How long it says that tokens are good. */
  readonly lifetimeSec: number;
}

const refreshToken = 'a-refresh-token';

/** Everybody may pull from `public/…`, `registryUser` may do all. */
export async function tokenServer({ signer, lifetimeSec }: TokenServerOptions): Promise<TokenServer> {
  const given: TokenServer['given'][number][] = [];
  const server = await scriptedServer(async (request, response) => {
    const { query, isRefresh } = await askedOf(request);
    const expected = `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString('base64')}`;
    const { authorization } = request.headers;
    const isKnown = isRefresh ? query.get('refresh_token') === refreshToken : authorization === expected;
    if (!isKnown && (isRefresh || authorization !== undefined)) return send(response, 401, '{}');
    const by = isRefresh ? 'refresh token' : isKnown ? 'password' : 'nobody';
    const scopes = query.getAll('scope').flatMap((each) => each.split(' '));
    given.push({ by, scopes });
    const answer = {
      access_token: signed(
        scopes.flatMap((scope) => allowed(scope, isKnown)),
        signer,
      ),
      expires_in: lifetimeSec,
      ...(query.get('offline_token') === 'true' && isKnown ? { refresh_token: refreshToken } : {}),
    };
    return send(response, 200, JSON.stringify(answer), { 'content-type': 'application/json' });
  });
  return {
    realm: `http://${server.host}/token`,
    given,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

interface Asked {
  readonly query: URLSearchParams;
  readonly isRefresh: boolean;
}

async function askedOf({ line, body }: RecordedRequest): Promise<Asked> {
  const [method, path = ''] = line.split(' ');
  if (method !== 'POST') return { query: new URL(path, 'http://x').searchParams, isRefresh: false };
  const query = new URLSearchParams(String(Buffer.concat(await Array.fromAsync<Buffer>(body))));
  return { query, isRefresh: query.get('grant_type') === 'refresh_token' };
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

function allowed(scope: string, isKnown: boolean): readonly Access[] {
  const [, type = '', name = '', asked = ''] = /^(\w+):(.*):([^:]*)$/.exec(scope) ?? [];
  const actions = asked.split(',').filter((action) => isKnown || (action === 'pull' && name.startsWith('public/')));
  return actions.length === 0 ? [] : [{ type, name, actions }];
}

/** A JSON Web Token as Docker's registry takes it. */
function signed(access: readonly Access[], { certificate, key }: TokenServerOptions['signer']): string {
  const der = readFileSync(certificate, 'utf8').replaceAll(/-----[^-]+-----|\s/g, '');
  const nowSec = Math.floor(Date.now() / 1000);
  const claims = {
    iss: tokenService,
    sub: '',
    aud: tokenService,
    exp: nowSec + 300,
    nbf: nowSec - 30,
    iat: nowSec,
    jti: randomUUID(),
    access,
  };
  const parts = [{ typ: 'JWT', alg: 'ES256', x5c: [der] }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const signature = createSign('sha256')
    .update(parts.join('.'))
    .sign({ key: readFileSync(key), dsaEncoding: 'ieee-p1363' });
  return [...parts, signature.toString('base64url')].join('.');
}
