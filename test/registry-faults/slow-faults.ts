import type { ServerResponse } from 'node:http';
import type { Misbehaviour } from '../hostile-registry.ts';
import { onLayer, onManifest, onUpload, type RegistryFault } from './registry-fault.ts';

/** Writes the text again and again, as long as somebody listens. */
function drip(response: ServerResponse, write: () => void): void {
  const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : write()), 100);
  response.on('close', () => clearInterval(timer));
}

/** What is sent of a body, a byte at a time. */
function dripBody(response: ServerResponse, { status, length }: { status: number; length: number }): void {
  response.writeHead(status, { 'content-length': String(length) });
  drip(response, () => response.write(' '));
}

function dripRaw(first: string, next: string): Misbehaviour {
  return (_, response) => {
    response.socket?.write(first);
    drip(response, () => response.socket?.write(next));
    return true;
  };
}

const reading = ['pull', 'copy', 'manifest inspect'] as const;

/** Registries that take their time. The program is told to wait for a second, not for half a minute. */
export const slowFaults: readonly RegistryFault[] = [
  {
    title: 'never answers',
    asks: [...reading, 'tags', 'push'],
    says: /no answer from .* within 1000 ms/,
    misbehave: () => true,
  },
  {
    title: 'never ends its headers',
    asks: reading,
    says: /no answer from .* within 1000 ms/,
    misbehave: dripRaw('HTTP/1.1 200 OK\r\n', 'X-More: y\r\n'),
  },
  {
    title: 'says without an end that it will answer soon',
    asks: reading,
    says: /no answer from .* within 1000 ms/,
    misbehave: dripRaw('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  },
  {
    title: 'drips a manifest',
    asks: reading,
    says: /the transfer has stalled/,
    misbehave: onManifest((_, response) => dripBody(response, { status: 200, length: 10_000 })),
  },
  {
    title: 'drips a layer',
    asks: ['pull', 'build FROM', 'copy'],
    says: /the transfer has stalled/,
    misbehave: onLayer(({ bytes = [] }, response) => dripBody(response, { status: 200, length: bytes.length })),
  },
  {
    title: 'drips the reason for a refusal',
    asks: reading,
    says: /access denied/,
    misbehave: onManifest((_, response) => dripBody(response, { status: 403, length: 10_000 })),
  },
  {
    title: 'stops in the middle of a layer',
    asks: ['pull', 'copy'],
    says: /the transfer has stalled/,
    misbehave: onLayer(({ bytes = Buffer.alloc(0) }, response) => {
      response.writeHead(200, { 'content-length': String(bytes.length) });
      response.write(bytes.subarray(0, 1000));
    }),
  },
  {
    title: 'takes nothing of what is sent',
    asks: ['push'],
    says: /upload blob sha256:\w+.*(took nothing in|no answer from .* within) 1000 ms/,
    misbehave: onUpload('PATCH', () => true),
  },
];
