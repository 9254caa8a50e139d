export interface ServedRegistry {
  /** Where it listens, without the port. */
  readonly host: string;
  readonly readOnly: boolean;
  readonly asksForPasswords: boolean;
  readonly usesTls: boolean;
}

/** What others than the users of this machine can do at an address, where that deserves a warning. */
export function exposure(address: string, registry: ServedRegistry): string | undefined {
  const { host, readOnly, asksForPasswords, usesTls } = registry;
  if (isLoopback(host)) return undefined;
  if (!asksForPasswords)
    return `whoever reaches ${address} may ${readOnly ? 'read' : 'read and change'} the store; see --auth`;
  return usesTls ? undefined : `passwords cross the network in the clear; see --tls-cert`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
