import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { send } from '../../src/http/scripted-server.fixture.ts';
import { craftImage, craftTar } from '../../src/image/crafted-image.fixture.ts';
import { sha256 } from '../hostile-registry.ts';
import { fetching, flood, freshImage, nothingElse, onLayer, withLayer, type RegistryFault } from './registry-fault.ts';

/** What the head promises, what is sent of it, and then the connection breaks. */
function cutAt(response: ServerResponse, bytes: Buffer, { start = 0, length }: { start?: number; length: number }) {
  response.writeHead(start === 0 ? 200 : 206, {
    'content-length': String(bytes.length - start),
    'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
  });
  response.write(bytes.subarray(start, start + length), () => setTimeout(() => response.destroy(), 300));
}

/** Writes past what the server's own HTTP would allow. */
function raw(response: ServerResponse, text: string, bytes: Uint8Array): void {
  response.socket?.write(text);
  response.socket?.end(bytes);
}

function rangeStart(headers: { readonly range?: string | undefined }): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
}

const noise = (): Buffer => craftTar({ data: randomBytes(200_000) });

/** Layers on their way. */
export const transferFaults: readonly RegistryFault[] = [
  {
    title: 'answers 500 where a layer should be',
    asks: fetching,
    says: /blob sha256:\w+: the registry answered with status 500/,
    misbehave: onLayer((_, response) => send(response, 500, 'no')),
  },
  {
    title: 'has lost a layer',
    asks: fetching,
    says: /blob sha256:\w+: not found/,
    misbehave: onLayer((_, response) => send(response, 404)),
  },
  {
    title: 'cuts a layer short, whenever it is asked',
    asks: fetching,
    says: /blob sha256:\w+.*(cut|sent)/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) => cutAt(response, bytes, { length: 1000 })),
  },
  {
    title: 'cuts a layer now and then',
    asks: fetching,
    says: undefined,
    misbehave: onLayer(({ bytes = Buffer.alloc(0), request }, response) => {
      const start = rangeStart(request.headers);
      if (start > 130_000) return false;
      return cutAt(response, bytes, { start, length: 70_000 });
    }),
  },
  {
    title: 'ends a layer early without a word',
    asks: fetching,
    says: /only 1000 of its \d+ bytes were sent/,
    misbehave: onLayer(({ bytes }, response) => send(response, 200, bytes?.subarray(0, 1000))),
  },
  {
    title: 'sends a layer without an end',
    asks: fetching,
    says: /more than its \d+ bytes were sent|read tar/,
    misbehave: onLayer((_, response) => flood(response, 'x'.repeat(65_536), 1e9)),
  },
  {
    title: 'sends a layer with one byte too many',
    asks: fetching,
    says: /more than its \d+ bytes were sent/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) =>
      send(response, 200, Buffer.concat([bytes, Buffer.from('x')])),
    ),
  },
  {
    title: 'sends other bytes as a layer',
    asks: fetching,
    says: /(layer|blob) sha256:\w+/,
    misbehave: onLayer(({ bytes }, response) => send(response, 200, randomBytes(bytes?.length ?? 0))),
  },
  {
    title: 'sends a layer with one byte changed at its end',
    asks: fetching,
    says: /(layer|blob) sha256:\w+/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(changed.length - 5) ^ 1, changed.length - 5);
      send(response, 200, changed);
    }),
  },
  {
    title: 'compresses a layer once more for the way',
    asks: fetching,
    says: /(layer|blob) sha256:\w+/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) =>
      send(response, 200, gzipSync(bytes), { 'content-encoding': 'gzip' }),
    ),
  },
  {
    title: 'sends a page of HTML instead of a layer',
    asks: fetching,
    says: /blob sha256:\w+.*bytes were sent/,
    misbehave: onLayer((_, response) => send(response, 200, '<html>welcome</html>', { 'content-type': 'text/html' })),
  },
  {
    title: 'says that a layer is longer than what it sends',
    asks: fetching,
    says: /blob sha256:\w+.*cut/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) =>
      raw(response, `HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length * 2}\r\n\r\n`, bytes.subarray(0, 900)),
    ),
  },
  {
    title: 'says that a layer is shorter than what it sends',
    asks: fetching,
    says: /blob sha256:\w+.*only 10 of its \d+ bytes were sent/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) =>
      raw(response, 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n', bytes),
    ),
  },
  {
    title: 'sends chunks that are none',
    asks: fetching,
    says: /blob sha256:\w+/,
    misbehave: onLayer((_, response) =>
      raw(response, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', Buffer.from('hello')),
    ),
  },
  {
    title: 'goes on at another place than was asked for',
    asks: fetching,
    says: /blob sha256:\w+.*(the answer starts at|the connection was cut)/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0), request }, response) => {
      if (rangeStart(request.headers) === 0) return cutAt(response, bytes, { length: 70_000 });
      return send(response, 206, bytes.subarray(90_000), { 'content-range': `bytes 90000-${bytes.length - 1}/*` });
    }),
  },
  {
    title: 'goes on with other bytes than it says',
    asks: fetching,
    says: /(layer|blob) sha256:\w+/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0), request }, response) => {
      const start = rangeStart(request.headers);
      if (start === 0) return cutAt(response, bytes, { length: 70_000 });
      const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
      return send(response, 206, randomBytes(bytes.length - start), range);
    }),
  },
  {
    title: 'begins a layer, and refuses to go on with it',
    asks: fetching,
    says: /blob sha256:\w+.*(416|the connection was cut)/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0), request }, response) => {
      if (rangeStart(request.headers) === 0) return cutAt(response, bytes, { length: 70_000 });
      return send(response, 416);
    }),
  },
  {
    title: 'calls plain layers gzip, and gzip layers zstd',
    asks: fetching,
    says: undefined,
    image: () => {
      const tar = noise();
      const claims = { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd', diffId: sha256(tar) };
      return withLayer(freshImage(), gzipSync(tar), claims);
    },
    misbehave: nothingElse,
  },
  {
    title: 'has a layer of zstd that is called gzip',
    asks: fetching,
    says: undefined,
    image: () => {
      const tar = noise();
      return withLayer(freshImage(), zstdCompressSync(tar), { diffId: sha256(tar) });
    },
    misbehave: nothingElse,
  },
  {
    title: 'has a layer of several members of gzip, and zeros behind them',
    asks: ['pull', 'build FROM'],
    says: undefined,
    image: () => {
      const tar = noise();
      const members = [gzipSync(tar.subarray(0, 1000)), gzipSync(tar.subarray(1000)), Buffer.alloc(700)];
      return withLayer(freshImage(), Buffer.concat(members), { diffId: sha256(tar) });
    },
    misbehave: nothingElse,
  },
  {
    title: 'names a layer by SHA-512',
    asks: fetching,
    says: undefined,
    image: () => {
      const tar = noise();
      return withLayer(freshImage(), gzipSync(tar), { diffId: sha256(tar), algorithm: 'sha512' });
    },
    misbehave: nothingElse,
  },
  {
    title: 'has a layer that takes 64 MiB of memory to undo',
    asks: ['pull', 'build FROM'],
    says: /layer sha256:\w+: decompress zstd: it takes more than 32 MiB of memory to undo/,
    image: () => {
      const tar = noise();
      const frame = zstdCompressSync(tar, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
      frame.writeUInt8((26 - 10) << 3, 5);
      return withLayer(freshImage(), frame, { diffId: sha256(tar) });
    },
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has a layer with something behind its end',
    asks: ['pull', 'build FROM'],
    says: /layer sha256:\w+: decompress gzip: /,
    image: () => {
      const tar = noise();
      return withLayer(freshImage(), Buffer.concat([gzipSync(tar), Buffer.from('trailing')]), { diffId: sha256(tar) });
    },
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has a layer that is another one than its config says',
    asks: ['pull', 'build FROM'],
    says: /layer sha256:\w+: store layer sha256:\w+: its content hashes to/,
    image: () => withLayer(freshImage(), gzipSync(noise()), { diffId: sha256(Buffer.from('another')) }),
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has a layer that is no tar',
    asks: ['pull', 'build FROM'],
    says: /layer sha256:\w+: read tar/,
    image: () => {
      const text = randomBytes(5000);
      return withLayer(freshImage(), gzipSync(text), { diffId: sha256(text) });
    },
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has a layer that inflates out of all proportion',
    asks: ['pull', 'build FROM'],
    says: /over the allowed \d+ to 1/,
    image: () => {
      const tar = Buffer.concat([craftTar({ 'a-file': 'x' }), Buffer.alloc(256 << 20)]);
      return craftImage([{ files: { a: 'a' } }, { tar, packing: 'zstd' }]);
    },
    misbehave: nothingElse,
    isHopeless: true,
  },
  {
    title: 'has 1 GB of zeros in a layer of 1 MB',
    asks: ['pull'],
    says: undefined,
    image: zeros,
    misbehave: nothingElse,
  },
];

function zeros() {
  const head = craftTar({ a: randomBytes(8) });
  const piece = Buffer.alloc(1 << 20);
  const tar = Buffer.concat([head, ...Array.from({ length: 1000 }, () => piece)]);
  return craftImage([{ files: { a: 'a' } }, { tar }]);
}
