import { statSync } from 'node:fs';
import type { BuildOptions, ExtraHost, RunSettings, SecretSource, SshSource } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import type { Context } from './command.ts';
import { list, text } from './flags.ts';
import type { FlagValues } from './flags.ts';
import { parseMemoryBytes, parseNumber } from './parse-values.ts';
import { parseUlimit } from './ulimit.ts';

/** The flags of a build that say what its RUNs have and may use. */
export const runFlags = {
  'add-host': list('Add a custom host-to-IP mapping (format: "host:ip")', { placeholder: 'host:ip' }),
  'cgroup-parent': text('Set the parent cgroup for the "RUN" instructions during build'),
  'cpu-period': text('Limit the CPU CFS (Completely Fair Scheduler) period', { placeholder: 'µs' }),
  'cpu-quota': text('Limit the CPU CFS (Completely Fair Scheduler) quota', { placeholder: 'µs' }),
  'cpu-shares': text('CPU shares (relative weight)', { short: 'c', placeholder: 'int' }),
  cpus: text('Number of CPUs', { placeholder: 'decimal' }),
  'cpuset-cpus': text('CPUs in which to allow execution (0-3, 0,1)'),
  'cpuset-mems': text('MEMs in which to allow execution (0-3, 0,1)'),
  memory: text('Memory limit', { short: 'm', placeholder: 'bytes' }),
  'memory-swap': text('Swap limit equal to memory plus swap: -1 to enable unlimited swap', { placeholder: 'bytes' }),
  secret: list('Secret to expose to the build (format: "id=mysecret[,src=/local/secret]")', { placeholder: 'spec' }),
  'shm-size': text('Shared memory size for build containers', { placeholder: 'bytes' }),
  ssh: list('SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")', {
    placeholder: 'spec',
  }),
  ulimit: list('Ulimit options', { placeholder: 'name=soft[:hard]' }),
} as const;

type Given = FlagValues<typeof runFlags>;
type Environment = Context<unknown>['env'];

export function runOptions(given: Given, env: Environment): Pick<BuildOptions, 'secrets' | 'ssh' | 'run'> {
  const settings = settingsOf(given);
  return {
    ...(given.secret.length === 0 ? {} : { secrets: new Map(given.secret.map((each) => secretOf(each, env))) }),
    ...(given.ssh.length === 0 ? {} : { ssh: new Map(given.ssh.map((each) => sshOf(each, env))) }),
    ...(Object.keys(settings).length === 0 ? {} : { run: settings }),
  };
}

function settingsOf(given: Given): RunSettings {
  const shmSize = given['shm-size'];
  const cgroupParent = given['cgroup-parent'];
  const limits = limitsOf(given);
  return {
    ...(given['add-host'].length === 0 ? {} : { extraHosts: given['add-host'].map(extraHost) }),
    ...(given.ulimit.length === 0 ? {} : { rlimits: given.ulimit.map(parseUlimit) }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(shmSize === undefined ? {} : { shmSizeBytes: parseMemoryBytes(shmSize) }),
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
  };
}

function limitsOf(given: Given): NonNullable<RunSettings['limits']> {
  const swap = given['memory-swap'];
  const cpusetCpus = given['cpuset-cpus'];
  const cpusetMems = given['cpuset-mems'];
  return {
    ...(given.memory === undefined ? {} : { memoryBytes: parseMemoryBytes(given.memory) }),
    ...(swap === undefined ? {} : { memorySwapBytes: swap === '-1' ? -1 : parseMemoryBytes(swap) }),
    ...(given.cpus === undefined ? {} : { cpus: parseNumber(given.cpus, 'cpus', { whole: false }) }),
    ...whole(given, 'cpu-period', 'cpuPeriodUs'),
    ...whole(given, 'cpu-quota', 'cpuQuotaUs'),
    ...whole(given, 'cpu-shares', 'cpuShares'),
    ...(cpusetCpus === undefined ? {} : { cpusetCpus: processors(cpusetCpus, 'cpuset-cpus') }),
    ...(cpusetMems === undefined ? {} : { cpusetMems: processors(cpusetMems, 'cpuset-mems') }),
  };
}

function whole<K extends string>(
  given: Given,
  flag: 'cpu-period' | 'cpu-quota' | 'cpu-shares',
  field: K,
): { readonly [key in K]?: number } {
  const value = given[flag];
  if (value === undefined) return {};
  return { [field]: parseNumber(value, flag, { whole: true }) } as { readonly [key in K]: number };
}

function processors(value: string, flag: string): string {
  if (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(value)) return value;
  throw new Fault('invalid', `invalid argument "${value}" for "--${flag}" flag: write it as 0-3 or 0,1`);
}

/** `name:address`, `name=address`; an IPv6 address may stand in brackets. */
function extraHost(given: string): ExtraHost {
  const [, name = '', rest = ''] = /^([^:=]*)[:=](.*)$/s.exec(given) ?? [];
  const address = rest.replace(/^\[(.*)\]$/s, '$1');
  const isAddress =
    address === 'host-gateway' || /^\d{1,3}(\.\d{1,3}){3}$/.test(address) || /^[\da-f:.]*:[\da-f:.]*$/i.test(address);
  if (/^[^\s#]+$/.test(name) && isAddress) return { name, address };
  throw new Fault('invalid', `bad format for add-host: ${JSON.stringify(given)}`, { hint: 'write it as host:ip' });
}

/** As BuildKit: where neither a file nor a variable is named, the variable of the secret's name if there is one, else that file. */
function secretOf(given: string, env: Environment): readonly [string, SecretSource] {
  const { type, id, src, env: variable } = secretFields(given);
  if (id === undefined || id === '') throw new Fault('invalid', `--secret ${given}: the id is missing`);
  const named = variable ?? (type === 'env' ? (src ?? id) : undefined);
  const file = type === 'env' || variable !== undefined ? undefined : src;
  if (named !== undefined) return [id, { kind: 'value', value: env[named] ?? '' }];
  const own = type === 'file' || file !== undefined ? undefined : env[id];
  if (own !== undefined) return [id, { kind: 'value', value: own }];
  return [id, { kind: 'file', path: existingFile(file ?? id, `--secret id=${id}`) }];
}

type SecretField = 'type' | 'id' | 'src' | 'env';

function secretFields(given: string): Readonly<Partial<Record<SecretField, string>>> {
  const fields: Partial<Record<SecretField, string>> = {};
  for (const field of given.split(',')) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(field) ?? [];
    const name = key.toLowerCase() === 'source' ? 'src' : key.toLowerCase();
    if (name === '') throw new Fault('invalid', `--secret ${given}: invalid field '${field}' must be a key=value pair`);
    if (name !== 'type' && name !== 'id' && name !== 'src' && name !== 'env') {
      throw new Fault('invalid', `--secret ${given}: unexpected key '${key}' in '${field}'`);
    }
    if (name === 'type' && value !== 'file' && value !== 'env') {
      throw new Fault('invalid', `--secret ${given}: unsupported secret type ${JSON.stringify(value)}`);
    }
    fields[name] = value;
  }
  return fields;
}

/** `default`, or `ID=PATH[,PATH…]`: one socket, or keys. */
function sshOf(given: string, env: Environment): readonly [string, SshSource] {
  const [, id = '', paths] = /^([^=]*)(?:=(.*))?$/s.exec(given) ?? [];
  if (id === '') throw new Fault('invalid', `--ssh ${given}: the id is missing`);
  if (paths === undefined || paths === '') return [id, { kind: 'socket', path: ownAgent(env, given) }];
  const named = paths.split(',').map((path) => existingFile(path, `--ssh ${given}`));
  const socket = named.find((path) => statSync(path).isSocket());
  if (socket === undefined) return [id, { kind: 'keys', paths: named }];
  if (named.length === 1) return [id, { kind: 'socket', path: socket }];
  throw new Fault('invalid', `--ssh ${given}: either one socket or keys can be given`);
}

function ownAgent(env: Environment, given: string): string {
  const socket = env['SSH_AUTH_SOCK'] ?? '';
  if (socket !== '') return existingFile(socket, `--ssh ${given}`);
  throw new Fault('invalid', `--ssh ${given}: invalid empty ssh agent socket`, {
    hint: 'make sure SSH_AUTH_SOCK is set, or name a socket or key',
  });
}

function existingFile(path: string, flag: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new Fault('not-found', `${flag}: there is no file ${path}`);
  if (!status.isDirectory()) return path;
  throw new Fault('invalid', `${flag}: ${path} is a directory`);
}
