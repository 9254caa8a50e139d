import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault, type FaultCode } from '../errors/index.ts';
import { scriptedServer, send, type Script } from '../http/scripted-server.fixture.ts';
import { digestOf, parseDigest } from '../oci/index.ts';
import type { RemoteFile } from './remote-sources.ts';
import { sourceStore, type SourceStore } from './store.fixture.ts';

const modified = 'Wed, 21 Oct 2015 07:28:00 GMT';
const modifiedSec = 1_445_412_480;

function failsWith(code: FaultCode, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(Fault.is(error, code), `${String(error)} is not ${code}`);
    assert.match(error.message, message);
    return true;
  };
}

function contentOf(file: RemoteFile): string {
  return readFileSync(file.path, 'utf8');
}

function ingests({ root }: SourceStore): readonly string[] {
  return readdirSync(join(root, 'ingest'));
}

test('a file is downloaded, hashed, kept for the holder, and has the name and time that the server says', async () => {
  await using server = await scriptedServer((_request, response) => {
    const disposition = 'attachment; filename="../../x"';
    send(response, 200, 'hello', {
      'content-length': '5',
      'last-modified': modified,
      'content-disposition': disposition,
    });
  });
  using store = sourceStore();
  const seen: unknown[] = [];
  const file = await store.sources.fetchUrl(`http://${server.host}/a/file.txt?x#y`, {
    holder: store.holder,
    onProgress: (progress) => seen.push(progress),
  });
  assert.equal(contentOf(file), 'hello');
  assert.deepEqual([file.digest, file.sizeBytes, file.name, file.isNew], [digestOf('hello'), 5, 'x', true]);
  assert.deepEqual(file.mtime, { sec: modifiedSec, nsec: 0 });
  assert.ok(store.holder.held.includes(file.digest));
  assert.deepEqual(seen, [{ doneBytes: 5, totalBytes: 5 }]);
  assert.equal(statSync(file.path).mode & 0o077, 0);
  assert.deepEqual(
    server.requests.map(({ line }) => line),
    ['GET /a/file.txt?x'],
  );
  assert.equal(server.requests[0]?.headers['accept-encoding'], 'identity');
});

test('without such headers the URL gives the name, and there is no time', async () => {
  await using server = await scriptedServer((_request, response) =>
    send(response, 200, 'x', { 'last-modified': 'soon' }),
  );
  using store = sourceStore();
  const file = await store.sources.fetchUrl(`http://${server.host}/dir/`, { holder: store.holder });
  assert.deepEqual([file.name, file.mtime], ['dir', undefined]);
});

test('a file that is unchanged is not downloaded again, one that changed is', async () => {
  let content = 'one';
  const script: Script = ({ headers }, response) => {
    const etag = `"${content}"`;
    if (headers['if-none-match'] === etag) return send(response, 304, '', { etag });
    return send(response, 200, content, { etag, 'last-modified': modified });
  };
  await using server = await scriptedServer(script);
  using store = sourceStore();
  const fetch = (): Promise<RemoteFile> => store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  const [first, second] = [await fetch(), await fetch()];
  assert.deepEqual(second, { ...first, isNew: false });
  assert.equal(server.requests[1]?.headers['if-none-match'], '"one"');
  assert.equal(server.requests[1]?.headers['if-modified-since'], modified);
  content = 'two';
  const third = await fetch();
  assert.deepEqual([contentOf(third), third.isNew], ['two', true]);
});

test('a file without a tag is asked for by its time', async () => {
  await using server = await scriptedServer(({ headers }, response) => {
    if (headers['if-modified-since'] === modified) return send(response, 304);
    return send(response, 200, 'hello', { 'last-modified': modified });
  });
  using store = sourceStore();
  await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  const again = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  assert.deepEqual([again.isNew, again.mtime?.sec], [false, modifiedSec]);
});

test('a server that sends a file again with a tag that it was shown is not listened to', async () => {
  await using server = await scriptedServer((_request, response, count) => {
    send(response, 200, count === 1 ? 'hello' : 'x'.repeat(10_000_000), { etag: 'W/"same"' });
  });
  using store = sourceStore();
  await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  const again = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  assert.deepEqual([contentOf(again), again.isNew], ['hello', false]);
});

test('what was pruned is downloaded again without a condition', async () => {
  await using server = await scriptedServer((_request, response) => send(response, 200, 'hello', { etag: '"e"' }));
  using store = sourceStore();
  const file = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  store.blobs.delete(file.digest);
  await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  assert.equal(server.requests[1]?.headers['if-none-match'], undefined);
});

test('a download is a record of the build cache, which keeps its content', async () => {
  await using server = await scriptedServer((_request, response) => send(response, 200, 'hello'));
  using store = sourceStore();
  const { digest } = await store.sources.fetchUrl(`http://${server.host}/f?token=s3cret`, { holder: store.holder });
  const [record] = store.state.cache.list();
  assert.deepEqual(record?.digests, [digest]);
  assert.equal(record?.label, `download http://${server.host}/f`);
  assert.deepEqual(store.filesWith('s3cret'), []);
});

test('a checksum that is stored needs no network', async () => {
  using store = sourceStore();
  const digest = store.blobs.put(Buffer.from('hello'), { holder: store.holder });
  const file = await store.sources.fetchUrl('http://127.0.0.1:1/f', { holder: store.holder, checksum: digest });
  assert.deepEqual([contentOf(file), file.isNew, file.mtime], ['hello', false, undefined]);
});

test('a wrong checksum names both digests, and nothing is kept', async () => {
  await using server = await scriptedServer((_request, response) => send(response, 200, 'hello', { etag: '"e"' }));
  using store = sourceStore();
  const checksum = digestOf('something else');
  await assert.rejects(
    store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder, checksum }),
    failsWith('corrupt', new RegExp(`digest mismatch ${digestOf('hello')} \\(expected: ${checksum}\\)`)),
  );
  assert.deepEqual([store.blobs.list(), ingests(store), store.state.cache.list()], [[], [], []]);
});

test('a checksum may be a sha512', async () => {
  await using server = await scriptedServer((_request, response) => send(response, 200, 'hello'));
  using store = sourceStore();
  const checksum = parseDigest(`sha512:${createHash('sha512').update('hello').digest('hex')}`);
  const file = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder, checksum });
  assert.deepEqual([file.digest, contentOf(file)], [checksum, 'hello']);
});

const body = Buffer.alloc(300_000, 'abcdefghijk');

/** Sends `body`, cut at each of these places, from where it is asked to. */
function cutting(places: readonly number[], headers: Readonly<Record<string, string>>): Script {
  let cuts = 0;
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const isPart = request.headers.range !== undefined;
    const range = `bytes ${start}-${body.length - 1}/${body.length}`;
    response.writeHead(isPart ? 206 : 200, {
      ...headers,
      'content-length': String(body.length - start),
      ...(isPart && { 'content-range': range }),
    });
    const place = places[cuts++];
    if (place === undefined) return void response.end(body.subarray(start));
    response.write(body.subarray(start, place), () => setImmediate(() => response.destroy()));
  };
}

test('a connection that is cut goes on where it was cut', async () => {
  await using server = await scriptedServer(cutting([100_000, 200_000], { etag: '"e"' }));
  using store = sourceStore();
  const file = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  assert.equal(file.digest, digestOf(body));
  const [, second, third] = server.requests;
  assert.equal(second?.headers['if-range'], '"e"');
  assert.match(String(third?.headers.range), /^bytes=\d+-$/);
});

test('where nothing says that it is the same file, it is downloaded from the start', async () => {
  await using server = await scriptedServer(cutting([100_000], { etag: 'W/"weak"' }));
  using store = sourceStore();
  const file = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  assert.equal(file.digest, digestOf(body));
  assert.equal(server.requests[1]?.headers.range, undefined);
});

test('a file that changes while it is cut is taken whole', async () => {
  await using server = await scriptedServer(async (request, response, count) => {
    if (count === 1) return cutting([100_000], { etag: '"old"' })(request, response, count);
    return send(response, 200, 'new', { etag: '"new"' });
  });
  using store = sourceStore();
  const file = await store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  assert.equal(contentOf(file), 'new');
});

test('a download that is cut at the same place again and again is given up', async () => {
  const places = Array.from({ length: 20 }, () => 1000);
  await using server = await scriptedServer(cutting(places, {}));
  using store = sourceStore();
  await assert.rejects(
    store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder }),
    failsWith('unavailable', /cut|aborted/),
  );
  assert.deepEqual(ingests(store), []);
});

test('a partial download resumes by Range in a later call', async () => {
  const places = Array.from({ length: 5 }, () => 100_000);
  const script = cutting(places, { etag: '"e"' });
  await using server = await scriptedServer(script);
  using store = sourceStore();
  const fetch = (): Promise<RemoteFile> => store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder });
  await assert.rejects(fetch(), failsWith('unavailable', /./));
  assert.equal(ingests(store).length, 1);
  const asked = server.requests.length;
  assert.equal((await fetch()).digest, digestOf(body));
  assert.match(String(server.requests[asked + 1]?.headers.range), /^bytes=[1-9]\d*-$/);
  assert.deepEqual(ingests(store), []);
});

test('a server that is busy is asked again, one that refuses is not', async () => {
  await using server = await scriptedServer(({ line }, response, count) => {
    if (line === 'GET /busy') return send(response, count < 3 ? 503 : 200, 'hello');
    return send(response, Number(line.slice(5)));
  });
  using store = sourceStore();
  const fetch = (path: string): Promise<RemoteFile> =>
    store.sources.fetchUrl(`http://${server.host}/${path}`, { holder: store.holder });
  assert.equal(contentOf(await fetch('busy')), 'hello');
  await assert.rejects(
    fetch('404'),
    failsWith('not-found', /^fetch http:\/\/127.*\/404: invalid response status 404$/),
  );
  await assert.rejects(fetch('401'), failsWith('unauthenticated', /status 401/));
  await assert.rejects(fetch('403'), failsWith('denied', /status 403/));
  await assert.rejects(fetch('418'), failsWith('unavailable', /status 418/));
  await assert.rejects(fetch('500'), failsWith('unavailable', /status 500/));
  assert.equal(server.requests.filter(({ line }) => line === 'GET /404').length, 1);
  assert.deepEqual(ingests(store), []);
});

test('ten redirects are followed, circles are not', async () => {
  await using server = await scriptedServer(({ line }, response) => {
    const left = Number(line.slice('GET /'.length));
    if (line === 'GET /circle') return send(response, 302, '', { location: '/circle' });
    if (left > 0) return send(response, 307, '', { location: `/${left - 1}` });
    return send(response, 200, 'hello');
  });
  using store = sourceStore();
  const fetch = (path: string): Promise<RemoteFile> =>
    store.sources.fetchUrl(`http://${server.host}/${path}`, { holder: store.holder });
  const file = await fetch('10');
  assert.deepEqual([contentOf(file), file.name], ['hello', '10']);
  await assert.rejects(fetch('11'), failsWith('unavailable', /redirects more than 10 times/));
  await assert.rejects(fetch('circle'), failsWith('unavailable', /redirects more than 10 times/));
});

test('a redirect to another scheme is refused', async () => {
  await using server = await scriptedServer((_request, response) =>
    send(response, 302, '', { location: 'file:///etc/passwd' }),
  );
  using store = sourceStore();
  await assert.rejects(
    store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder }),
    failsWith('unavailable', /no web address/),
  );
});

test('credentials go to their own host only, and are in no message, no record and no file', async () => {
  await using other = await scriptedServer((_request, response) => send(response, 404));
  await using server = await scriptedServer(({ line }, response) => {
    if (line === 'GET /there') return send(response, 302, '', { location: `http://x:y@${other.host}/f` });
    return send(response, 200, 'hello');
  });
  using store = sourceStore();
  const fetch = (path: string): Promise<RemoteFile> =>
    store.sources.fetchUrl(`http://me:s3cret@${server.host}/${path}`, { holder: store.holder });
  await fetch('f');
  await assert.rejects(fetch('there'), (error) => Fault.is(error) && !error.message.includes('s3cret'));
  const basic = Buffer.from('me:s3cret').toString('base64');
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    [`Basic ${basic}`, `Basic ${basic}`],
  );
  assert.deepEqual(
    other.requests.map(({ headers }) => headers.authorization),
    [undefined],
  );
  assert.deepEqual([...store.filesWith('s3cret'), ...store.filesWith(basic)], []);
});

test('a file over the limit is refused, told beforehand or not, and nothing is kept', async () => {
  await using server = await scriptedServer(({ line }, response) => {
    if (line === 'GET /told') return send(response, 200, Buffer.alloc(2000), { 'content-length': '2000' });
    response.writeHead(200);
    const pour = (): void => {
      while (response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', pour);
    pour();
  });
  using store = sourceStore();
  for (const path of ['told', 'untold']) {
    await assert.rejects(
      store.sources.fetchUrl(`http://${server.host}/${path}`, { holder: store.holder, maxSizeBytes: 1000 }),
      failsWith('exhausted', /more than the 1000 bytes/),
    );
  }
  assert.deepEqual(ingests(store), []);
});

test('a transfer that stalls is given up', async () => {
  await using server = await scriptedServer((_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('x');
  });
  using store = sourceStore({ stallMs: 20 });
  await assert.rejects(
    store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder }),
    failsWith('unavailable', /stalled/),
  );
});

test('a host that does not answer or does not exist is a failure that says so', async () => {
  using store = sourceStore();
  const fetch = (url: string): Promise<RemoteFile> => store.sources.fetchUrl(url, { holder: store.holder });
  await assert.rejects(fetch('http://127.0.0.1:1/f'), failsWith('unavailable', /127\.0\.0\.1:1.*ECONNREFUSED/));
  await assert.rejects(fetch('ftp://127.0.0.1/f'), failsWith('unsupported', /ftp/));
  await assert.rejects(fetch('http://'), failsWith('invalid', /no URL/));
});

test('a fetch that is cancelled ends as cancelled, and what came of a known file stays for the next', async () => {
  const controller = new AbortController();
  await using server = await scriptedServer((_request, response) => {
    response.writeHead(200, { 'content-length': '1000', etag: '"e"' });
    response.write('x'.repeat(500));
  });
  using store = sourceStore();
  const options = { holder: store.holder, signal: controller.signal, onProgress: () => controller.abort() };
  await assert.rejects(store.sources.fetchUrl(`http://${server.host}/f`, options), failsWith('cancelled', /^fetch/));
  assert.equal(ingests(store).length, 1);
  await assert.rejects(store.sources.fetchUrl(`http://${server.host}/f`, options), failsWith('cancelled', /^fetch/));
});

test('those who fetch the same URL at once wait for each other, and it is downloaded once', async () => {
  await using server = await scriptedServer(({ headers }, response) => {
    if (headers['if-none-match'] !== undefined) return send(response, 304);
    return send(response, 200, body, { etag: '"e"' });
  });
  using store = sourceStore();
  const files = await Promise.all(
    Array.from({ length: 5 }, () => store.sources.fetchUrl(`http://${server.host}/f`, { holder: store.holder })),
  );
  assert.deepEqual([files.filter(({ isNew }) => isNew).length, new Set(files.map(({ path }) => path)).size], [1, 1]);
});
