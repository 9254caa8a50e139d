import { Fault } from '../../errors/index.ts';
import type { RunMount } from './run-mount.ts';
import type { MountedContent } from './run-mount.ts';
import { readSecret, type SecretSource } from './secret-source.ts';
import type { SshSource } from './ssh-source.ts';
import type { StepContent, StepMount } from './step-mount.ts';

/** What the caller of a build, and the steps before, have for the mounts of a RUN. */
export interface MountProviders {
  readonly contentOf: (content: MountedContent) => StepContent;
  readonly secrets: ReadonlyMap<string, SecretSource>;
  readonly ssh: ReadonlyMap<string, SshSource>;
}

export interface ProvidedMounts {
  readonly mounts: readonly StepMount[];
  /** `NAME=value`: secrets, and where the agent is. */
  readonly env: readonly string[];
  /** What is not to be shown. */
  readonly secrets: readonly Uint8Array[];
}

/** Reads the secrets. Fault `not-found` for one that is required and not provided; what is not required is left out, its variable empty. */
export function provideMounts(mounts: readonly RunMount[], providers: MountProviders): ProvidedMounts {
  const parts = mounts.map((mount) => provide(mount, providers));
  const agents = parts.flatMap(({ mounts: each }) => each.filter(({ kind }) => kind === 'ssh'));
  const agent = agents.slice(0, 1).map(({ target }) => `SSH_AUTH_SOCK=${target}`);
  return {
    mounts: parts.flatMap((part) => part.mounts),
    env: [...agent, ...parts.flatMap((part) => part.env)],
    secrets: parts.flatMap((part) => part.secrets),
  };
}

const nothing: ProvidedMounts = { mounts: [], env: [], secrets: [] };

function provide(mount: RunMount, providers: MountProviders): ProvidedMounts {
  switch (mount.kind) {
    case 'bind':
      return { ...nothing, mounts: [{ ...mount, content: providers.contentOf(mount.content) }] };
    case 'cache': {
      const seed = mount.seed === undefined ? undefined : providers.contentOf(mount.seed);
      return { ...nothing, mounts: [{ ...mount, seed }] };
    }
    case 'tmpfs':
      return { ...nothing, mounts: [mount] };
    case 'secret':
      return secret(mount, providers);
    case 'ssh':
      return agentOf(mount, providers);
  }
}

type Of<K extends RunMount['kind']> = Extract<RunMount, { readonly kind: K }>;

function secret(
  { id, target, env, required, ...ownership }: Of<'secret'>,
  { secrets }: MountProviders,
): ProvidedMounts {
  const source = secrets.get(id);
  if (source === undefined && required) {
    throw new Fault('not-found', `secret ${id}: not found`, { hint: `give it with --secret id=${id},src=FILE` });
  }
  if (source === undefined) return { ...nothing, env: env === undefined ? [] : [`${env}=`] };
  const content = readSecret(id, source);
  return {
    mounts: target === undefined ? [] : [{ target, content, ...ownership, kind: 'secret' }],
    env: env === undefined ? [] : [`${env}=${variableText(id, content)}`],
    secrets: [content],
  };
}

function variableText(id: string, content: Uint8Array): string {
  const text = Buffer.from(content).toString('utf8');
  if (!text.includes('\0')) return text;
  throw new Fault('invalid', `give secret ${id} as a variable: there is a zero byte in it`);
}

function agentOf({ id, required, kind, target, uid, gid, mode }: Of<'ssh'>, { ssh }: MountProviders): ProvidedMounts {
  const source = ssh.get(id);
  if (source !== undefined) return { ...nothing, mounts: [{ kind, target, source, uid, gid, mode }] };
  if (!required) return nothing;
  throw new Fault('not-found', `no SSH key ${JSON.stringify(id)} forwarded from the client`, {
    hint: `give it with --ssh ${id}`,
  });
}
