import { Fault } from '../errors/index.ts';
import { allCapabilities, changedCapabilities, type SeccompFilter } from '../runtime/index.ts';
import { privileges } from '../host/index.ts';
import type { ContainerSettings } from './container-record.ts';

/** What a container may do beyond, or short of, the default. */
export interface ContainerRights {
  readonly capabilities: readonly string[];
  readonly seccomp: SeccompFilter | undefined;
  readonly noNewPrivileges: boolean;
  readonly privileged: boolean;
}

/** The filter for these capabilities, of the profile at `path` or of the machine's own. */
export type LoadSeccomp = (options: {
  readonly capabilities: readonly string[];
  readonly path?: string;
}) => SeccompFilter;

/** The rights that the settings ask for. Fault `denied` for what this process does not have itself. */
export function containerRights(settings: ContainerSettings, loadSeccomp: LoadSeccomp): ContainerRights {
  const { privileged, capAdd, capDrop } = settings;
  const { seccomp, noNewPrivileges } = parseSecurityOptions(settings.securityOpt);
  const held = privileges().capabilities;
  const capabilities = privileged
    ? allCapabilities.filter((name) => held.has(name))
    : changedCapabilities({ add: capAdd, drop: capDrop, held });
  const unconfined = seccomp === 'unconfined' || (privileged && seccomp === undefined);
  const path = seccomp === undefined ? {} : { path: seccomp };
  const filter = unconfined ? undefined : loadSeccomp({ capabilities, ...path });
  return { capabilities, seccomp: filter, noNewPrivileges, privileged };
}

/** Fault `invalid` or `unsupported` for an option that would not be heeded. */
export function checkSecurityOptions(options: readonly string[]): void {
  parseSecurityOptions(options);
}

interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `unconfined`, or the path of a profile. */
  readonly seccomp: string | undefined;
}

function parseSecurityOptions(options: readonly string[]): SecurityOptions {
  let noNewPrivileges = false;
  let seccomp: string | undefined;
  for (const option of options) {
    const [name = '', value = 'true'] = option.split(/[=:](.*)/s);
    if (name === 'no-new-privileges' && /^(true|false)$/.test(value)) noNewPrivileges = value === 'true';
    else if (name === 'seccomp' && value !== '') seccomp = value;
    else if (!withoutEffect.has(option)) throw refused(option);
  }
  return { noNewPrivileges, seccomp: seccomp === 'builtin' ? undefined : seccomp };
}

/** They ask for the absence of what varve does not set up. */
const withoutEffect: ReadonlySet<string> = new Set(['apparmor=unconfined', 'apparmor:unconfined', 'label=disable']);

function refused(option: string): Fault {
  return new Fault('unsupported', `security option "${option}" is not supported`, {
    hint: 'there are no-new-privileges, seccomp=unconfined and seccomp=PROFILE',
  });
}
