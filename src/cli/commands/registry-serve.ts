import { readFileSync } from 'node:fs';
import { parsePasswordFile, serveRegistry, type TlsFiles } from '../../api/index.ts';
import type { Engine, RegistryOptions } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle } from '../flags.ts';
import { exposure } from '../registry-exposure.ts';
import { unreadableFile } from '../unreadable-file.ts';

type Needs = Pick<Engine, 'openRegistry'>;

export const registryServe = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: {
    addr: text('Address to listen on (default "127.0.0.1:5000"); port 0 takes one that is free', {
      placeholder: 'host:port',
    }),
    auth: text('Ask for a name and password of this htpasswd file (bcrypt)', { placeholder: 'file' }),
    compress: text('Compress layers that were built here (default "none"); other digests than in the store', {
      choices: ['none', 'gzip', 'zstd'],
    }),
    'read-only': toggle('Refuse pushes and deletions'),
    'tls-cert': text('Serve HTTPS with this certificate', { placeholder: 'file' }),
    'tls-key': text('Key of the certificate', { placeholder: 'file' }),
    quiet: toggle('Log no requests', { short: 'q' }),
  },
  run: async ({ flags }, context: Context<Needs>) => {
    const { host, port } = parseAddress(flags.addr ?? '127.0.0.1:5000');
    const passwords = flags.auth === undefined ? undefined : parsePasswordFile(readText(flags.auth));
    const tls = tlsFiles(flags['tls-cert'], flags['tls-key']);
    const log = (line: string): void => context.stderr.print(`${line}\n`);
    const engine = await context.openEngine();
    using registry = await engine.openRegistry({
      hosts: hostsOf(host, port),
      compression: compressions[flags.compress ?? 'none'] ?? 'uncompressed',
      onWarning: log,
    });
    await using server = await serveRegistry(registry, {
      host,
      port,
      tls,
      passwords,
      readOnly: flags['read-only'],
      log: flags.quiet ? () => undefined : log,
    });
    log(`listening on ${tls === undefined ? 'http' : 'https'}://${server.address}`);
    const warning = exposure(server.address, {
      host,
      readOnly: flags['read-only'],
      asksForPasswords: passwords !== undefined,
      usesTls: tls !== undefined,
    });
    if (warning !== undefined) log(`warning: ${warning}`);
    await aborted(context.signal);
    return 0;
  },
});

const compressions: Readonly<Record<string, RegistryOptions['compression']>> = {
  none: 'uncompressed',
  gzip: 'gzip',
  zstd: 'zstd',
};

/** `5000`, `:5000`, `127.0.0.1:5000`, `[::1]:5000`. Fault `invalid` for anything else. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', digits = ''] = /^(?:(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]*):)?(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new Fault('invalid', `listen on ${JSON.stringify(address)}: it is not of the form HOST:PORT`);
  }
  return { host: host === '' ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), port };
}

/** As people name images for the registry: an image `localhost:5000/app` is its `app`. */
function hostsOf(host: string, port: number): readonly string[] {
  const named = host.includes(':') ? `[${host}]` : host;
  return [...new Set([named, 'localhost', '127.0.0.1'])].map((each) => `${each}:${port}`);
}

function tlsFiles(certificate: string | undefined, key: string | undefined): TlsFiles | undefined {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) {
    throw new Fault('invalid', '--tls-cert and --tls-key go together');
  }
  return { certificate: readBytes(certificate), key: readBytes(key) };
}

function readText(path: string): string {
  return Buffer.from(readBytes(path)).toString('utf8');
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadableFile(`read ${path}`, error);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
