import { refuse, send } from '../../src/http/scripted-server.fixture.ts';
import type { HostileRegistry, Misbehaviour } from '../hostile-registry.ts';
import {
  fetching,
  flood,
  on,
  onManifest,
  onUpload,
  reading,
  writing,
  type Answer,
  type RegistryFault,
} from './registry-fault.ts';

/** Whoever has no token is sent to a token server. */
function tokensBy(challenge: (registry: HostileRegistry) => string): Misbehaviour {
  return ({ kind, request }, response, registry) => {
    if (kind === 'token' || request.headers.authorization !== undefined) return false;
    send(response, 401, '', { 'www-authenticate': challenge(registry) });
    return true;
  };
}

const ownTokens = tokensBy(({ host }) => `Bearer realm="http://${host}/token",service="s"`);

/** Asked for a token, it answers so. */
function token(answer: Answer): Misbehaviour {
  const tokenServer = on('token', answer);
  return async (...asked) => (await ownTokens(...asked)) || tokenServer(...asked);
}

/** Whoever has no password is told to bring it; then it goes on. */
function byBasic(then: Misbehaviour): Misbehaviour {
  return async (question, response, registry) => {
    if (question.request.headers.authorization?.startsWith('Basic ') === true)
      return then(question, response, registry);
    question.request.body.resume();
    send(response, 401, '', { 'www-authenticate': 'Basic realm="all"' });
    return true;
  };
}

const everything = ['login', ...reading, 'tags', 'push', 'build --cache-to'] as const;

/** Tokens are the same for all commands that read, and for all that write. */
const asking = ['login', 'pull', 'build --cache-from', 'tags', 'push'] as const;

/** Who may ask, how often, and where else one is sent to. */
export const accessFaults: readonly RegistryFault[] = [
  {
    title: 'answers 500 to everything',
    asks: everything,
    says: /the registry answered with status 500/,
    misbehave: (_, response) => (refuse(response, 500, 'UNKNOWN', 'the disk is on fire'), true),
  },
  {
    title: 'answers 500 to every third request',
    asks: everything,
    says: undefined,
    misbehave: (_, response, { requests }) => {
      if (requests.length % 3 !== 0) return false;
      refuse(response, 500, 'UNKNOWN', 'now and then');
      return true;
    },
  },
  {
    title: 'wants to know who asks, and does not say how',
    asks: everything,
    says: /wants to know who asks/,
    misbehave: (_, response) => (refuse(response, 401, 'UNAUTHORIZED', 'who are you?'), true),
  },
  {
    title: 'refuses every token that it gives',
    asks: everything,
    says: /refused without login/,
    misbehave: ({ kind }, response, { host }) => {
      if (kind === 'token') return false;
      send(response, 401, '', { 'www-authenticate': `Bearer realm="http://${host}/token",service="s"` });
      return true;
    },
  },
  {
    title: 'denies access',
    asks: everything,
    says: /access denied/,
    misbehave: (_, response) => (refuse(response, 403, 'DENIED', 'not for you'), true),
  },
  {
    title: 'has too many guests for an hour',
    asks: everything,
    says: /too many requests/,
    misbehave: (_, response) => (send(response, 429, '', { 'retry-after': '3600' }), true),
  },
  {
    title: 'has too many guests for a second',
    asks: everything,
    says: undefined,
    misbehave: ({ count, kind }, response) => {
      if (count > 1 || kind === 'upload') return false;
      send(response, 429, '', { 'retry-after': '1' });
      return true;
    },
  },
  {
    title: 'redirects in circles',
    asks: everything,
    says: /redirects more than/,
    misbehave: ({ url }, response) => (send(response, 307, '', { location: url.pathname }), true),
  },
  {
    title: 'redirects to a file',
    asks: reading,
    says: /redirects to something that is no web address/,
    misbehave: onManifest((_, response) => send(response, 307, '', { location: 'file:///etc/shadow' })),
  },
  {
    title: 'explains a refusal in 100 MB',
    asks: everything,
    says: /access denied/,
    misbehave: async (_, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      await flood(response, ' '.repeat(65_536), 100_000_000);
      return true;
    },
  },
  {
    title: 'explains a refusal with control characters',
    asks: everything,
    says: /access denied/,
    misbehave: (_, response) => (refuse(response, 403, 'DENIED', 'red\u001b[31m and\u009b\r\n gone'), true),
  },
  {
    title: 'floods with headers',
    asks: everything,
    says: /it sends more headers than/,
    misbehave: (_, response) => {
      const lines = Array.from({ length: 1000 }, (_each, n) => `X-${n}: ${'y'.repeat(1000)}\r\n`);
      response.socket?.write(`HTTP/1.1 200 OK\r\n${lines.join('')}`);
      return true;
    },
  },
  {
    title: 'asks for a login with 1 MB of words',
    asks: reading,
    says: /it sends more headers than/,
    misbehave: (_, response) => {
      response.socket?.write(`HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="${'x'.repeat(1_000_000)}"\r\n\r\n`);
      return true;
    },
  },
  {
    title: 'speaks no HTTP',
    asks: everything,
    says: /what it sends is no HTTP/,
    misbehave: (_, response) => (response.socket?.end('SSH-2.0-OpenSSH_9.9\r\n'), true),
  },
  {
    title: 'hangs up without a word',
    asks: everything,
    says: /cut/,
    misbehave: (_, response) => (response.destroy(), true),
  },
  {
    title: 'names a file as its token server',
    asks: asking,
    says: /names no safe token server/,
    misbehave: tokensBy(() => 'Bearer realm="file:///etc/shadow"'),
  },
  {
    title: 'names a token server that is none',
    asks: asking,
    says: /names no safe token server/,
    misbehave: tokensBy(() => 'Bearer realm="\\"no address\\u001b"'),
  },
  {
    title: 'gives a token of 10 MB',
    asks: asking,
    says: /token for .* more than the allowed/,
    misbehave: token((_, response) => flood(response, 'x'.repeat(65_536), 10_000_000)),
  },
  {
    title: 'gives a token of 200 KB',
    asks: asking,
    says: /token for .* more than the allowed/,
    misbehave: token((_, response) => send(response, 200, JSON.stringify({ token: 'x'.repeat(200_000) }))),
  },
  {
    title: 'gives a token with line ends',
    asks: asking,
    says: /there is no token in the answer/,
    misbehave: token((_, response) => send(response, 200, JSON.stringify({ token: 'x\r\nX-Evil: 1' }))),
  },
  {
    title: 'gives a page where the token should be',
    asks: asking,
    says: /token for .* not JSON/,
    misbehave: token((_, response) => send(response, 200, '<html>welcome to the hotel</html>')),
  },
  {
    title: 'has a token server that sends in circles',
    asks: asking,
    says: /token for .*redirects more than/,
    misbehave: token((_, response) => send(response, 302, '', { location: '/token' })),
  },
  {
    title: 'has its tokens on another host, which sends on to a third',
    asks: reading,
    says: undefined,
    misbehave: token((_, response, { elsewhere }) =>
      send(response, 307, '', { location: `http://user:word@${elsewhere.host}/token` }),
    ),
  },
  {
    title: 'has its layers on another host',
    asks: [...fetching, 'build --cache-from'],
    says: undefined,
    misbehave: byBasic(
      on('blob', ({ url, verb }, response, { elsewhere }) => {
        if (verb === 'HEAD') return false;
        return send(response, 307, '', { location: `http://${elsewhere.host}${url.pathname}` });
      }),
    ),
  },
  {
    title: 'takes uploads on another host',
    asks: writing,
    says: undefined,
    misbehave: byBasic(
      onUpload('POST', async ({ url, request }, response, { elsewhere }) => {
        request.body.resume();
        const begun = await fetch(`http://${elsewhere.host}${url.pathname}`, { method: 'POST' });
        send(response, 202, '', { location: `http://${elsewhere.host}${begun.headers.get('location')}` });
      }),
    ),
  },
  {
    title: 'sends everybody to another host',
    asks: reading,
    says: undefined,
    misbehave: byBasic(({ url }, response, { elsewhere }) => {
      send(response, 308, '', { location: `http://${elsewhere.host}${url.pathname}` });
      return true;
    }),
  },
  {
    title: 'goes on with its tags at another host',
    asks: ['tags'],
    says: /round in circles/,
    misbehave: byBasic(
      on('tags', (_, response, { elsewhere }) => {
        const link = `<http://${elsewhere.host}/v2/app/tags/list?n=1>; rel="next"`;
        return send(response, 200, '{"tags":["1"]}', { link });
      }),
    ),
  },
  {
    title: 'has a token server that is on fire',
    asks: asking,
    says: /token for .*status 500/,
    misbehave: token((_, response) => refuse(response, 500, 'UNKNOWN', 'fire')),
  },
];
