/** A registry that lets nobody in without a token of its token server, which are good for what they were asked for alone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  dockerRegistryMissing,
  registryUser,
  startDockerRegistry,
  type DockerRegistry,
} from '../src/registry/docker-registry.fixture.ts';
import { opensslMissing, testAuthority } from '../src/registry/test-authority.fixture.ts';
import { tokenServer, type TokenServer } from '../src/registry/token-server.fixture.ts';
import { needsRoot, TestStore, type Ended } from './test-store.ts';

const skip = needsRoot || dockerRegistryMissing || opensslMissing;

test('tokens have the scopes that a command needs, and no others', { skip }, async (t) => {
  await using at = await guardedRegistry({ lifetimeSec: 300 });
  const { store, host, tokens, run, ok } = at;
  await store.busybox('app:1');
  await ok('tag', 'app:1', `${host}/team/app:1`);

  await t.test('without a login nothing is pushed', async () => {
    const refused = await run(['push', '-q', `${host}/team/app:1`]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /refused without login[^]*log ?in/);
  });

  await t.test('a wrong password is said to be so', async () => {
    const refused = await run(['login', '-u', registryUser.username, '-p', 'wrong', host]);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /unauthorized: incorrect username or password/);
  });

  await t.test('login keeps the identity token and no password', async () => {
    await ok('login', '-u', registryUser.username, '-p', registryUser.password, host);
    const { auths } = JSON.parse(readFileSync(join(store.folder, 'docker/config.json'), 'utf8')) as {
      readonly auths: unknown;
    };
    assert.deepEqual(auths, { [host]: { identitytoken: 'a-refresh-token' } });
  });

  await t.test('a push asks for pull and push; what another repository has is mounted, with pull there', async () => {
    at.forgetGiven();
    await ok('push', '-q', `${host}/team/app:1`);
    await ok('tag', 'app:1', `${host}/public/app:1`);
    await ok('push', '-q', `${host}/public/app:1`);
    assert.ok(at.given().every(({ by }) => by === 'refresh token'));
    assert.deepEqual(
      [...new Set(at.given().map(({ scopes }) => scopes.toSorted().join(' ')))],
      [
        'repository:team/app:pull,push',
        'repository:public/app:pull,push',
        'repository:public/app:pull,push repository:team/app:pull',
      ],
    );
  });

  await t.test('a pull, tags and a manifest ask for pull', async () => {
    for (const command of [['pull', '-q'], ['tags'], ['manifest', 'inspect']]) {
      at.forgetGiven();
      await ok(...command, `${host}/team/app${command[0] === 'tags' ? '' : ':1'}`);
      assert.deepEqual(
        at.given().map(({ scopes }) => scopes),
        [['repository:team/app:pull']],
        command.join(' '),
      );
    }
  });

  await t.test('a copy within the registry sends no layer', async () => {
    await ok('copy', `docker://${host}/team/app:1`, `docker://${host}/copied/app:1`);
    await ok('pull', '-q', `${host}/copied/app:1`);
  });

  await t.test('after logout what is public can be had, and nothing else', async () => {
    await ok('logout', host);
    await ok('pull', '-q', `${host}/public/app:1`);
    assert.equal((await run(['pull', '-q', `${host}/team/app:1`])).code, 1);
  });
  assert.ok(tokens.given.length > 0);
});

test('tokens that run out at once are fetched anew, and a transfer goes on', { skip }, async () => {
  await using at = await guardedRegistry({ lifetimeSec: 1 });
  const { store, host, ok } = at;
  await store.busybox('app:1');
  await ok('login', '-u', registryUser.username, '-p', registryUser.password, host);
  await ok('tag', 'app:1', `${host}/team/app:1`);
  await ok('push', '-q', `${host}/team/app:1`);
  await using other = new TestStore();
  const ended = await other.ok(['pull', '-q', `${host}/team/app:1`], { env: at.env });
  assert.equal(ended.stdout, `${host}/team/app:1\n`);
  assert.ok(at.given().length > 4);
});

interface GuardedRegistry extends AsyncDisposable {
  readonly store: TestStore;
  readonly host: string;
  readonly tokens: TokenServer;
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[]): Promise<Ended>;
  ok(...args: readonly string[]): Promise<Ended>;
  /** The tokens that were given since `forgetGiven`. */
  given(): TokenServer['given'];
  forgetGiven(): void;
}

async function guardedRegistry({ lifetimeSec }: { readonly lifetimeSec: number }): Promise<GuardedRegistry> {
  await using made = new AsyncDisposableStack();
  const store = made.use(new TestStore());
  const { server } = testAuthority(store.folder);
  const tokens = made.use(await tokenServer({ signer: server, lifetimeSec }));
  const certificate = join(store.folder, 'ca.pem');
  const registry: DockerRegistry = made.use(
    await startDockerRegistry({ tokens: { realm: tokens.realm, certificate } }),
  );
  const env = {
    DOCKER_CONFIG: join(store.folder, 'docker'),
    XDG_RUNTIME_DIR: store.folder,
    XDG_CONFIG_HOME: store.folder,
  };
  let forgotten = 0;
  const all = made.move();
  return {
    store,
    host: registry.host,
    tokens,
    env,
    run: (args) => store.run(args, { env }),
    ok: (...args) => store.ok(args, { env }),
    given: () => tokens.given.slice(forgotten),
    forgetGiven: () => {
      forgotten = tokens.given.length;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
