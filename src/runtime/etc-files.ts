import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerMount } from './container-options.ts';

/** The files in `/etc` that an engine, not an image, decides. */
export interface EtcFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface EtcFilesOptions {
  readonly hostname: string;
  readonly network: 'host' | 'own';
  /** The host's own `/etc/hosts` and `/etc/resolv.conf`; '' where it has none. */
  readonly hostHosts: string;
  readonly hostResolvConf: string;
  /** Who resolves names, where it is not those of the host; its search list and options hold all the same. */
  readonly nameservers?: readonly string[];
  /** Further lines of hosts(5): an address, then a name. */
  readonly extraHosts?: readonly { readonly name: string; readonly address: string }[];
}

/** On the host's network the host's names hold; in one of its own a container knows itself and the loopback. */
export function etcFiles(options: EtcFilesOptions): EtcFiles {
  const base = options.network === 'host' && options.hostHosts !== '' ? withLineEnd(options.hostHosts) : ownHosts;
  const extra = (options.extraHosts ?? []).map(({ name, address }) => `${address}\t${name}\n`);
  const self = options.network === 'host' ? [] : [`127.0.0.1\t${options.hostname}\n`];
  return {
    hosts: [base, ...extra, ...self].join(''),
    hostname: `${options.hostname}\n`,
    resolvConf: resolvConf(options),
  };
}

function resolvConf({ hostResolvConf, nameservers }: EtcFilesOptions): string {
  if (nameservers === undefined) return hostResolvConf;
  const kept = hostResolvConf.split('\n').filter((line) => /^(search|domain|options)[ \t]/.test(line));
  return [...nameservers.map((address) => `nameserver ${address}`), ...kept].map((line) => `${line}\n`).join('');
}

/** Writes the files into `directory`, which is made if it is missing, and gives the mounts that put them into a container. */
export function writeEtcFiles(
  directory: string,
  files: EtcFiles,
  options: { readonly readonly?: boolean } = {},
): ContainerMount[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const named = [
    ['hosts', files.hosts],
    ['hostname', files.hostname],
    ['resolv.conf', files.resolvConf],
  ] as const;
  return named.map(([name, text]) => {
    const source = join(directory, name);
    writeFileSync(source, text, { mode: 0o644 });
    return { kind: 'bind', source, destination: `/etc/${name}`, readonly: options.readonly ?? false };
  });
}

/** What Docker writes. */
const ownHosts = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

function withLineEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
