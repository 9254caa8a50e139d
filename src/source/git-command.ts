import { Fault } from '../errors/index.ts';
import { defaultSearchPath, findExecutable, run } from '../host/index.ts';
import type { ProxySettings } from '../http/index.ts';
import { gitFault } from './git-fault.ts';
import type { GitRemote } from './git-remote.ts';
import type { SshOptions } from './remote-sources.ts';

/** How git runs: with nothing of the machine's and the user's configuration, and nothing that a repository could start. */
export interface GitCommandOptions {
  readonly searchPath?: string;
  readonly proxies: ProxySettings;
  /** Whose credentials are at hand. */
  readonly remote: GitRemote;
  readonly ssh?: SshOptions | undefined;
  /** Where hosts are written down that are met for the first time. */
  readonly knownHosts: string;
  /** A transfer slower than 1 KiB/s for so long is given up. */
  readonly stallMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

export interface GitRun {
  readonly gitDir?: string;
  readonly workTree?: string;
  /** Further protocols: `file`, for a repository of our own. */
  readonly protocols?: readonly string[];
}

/** Runs git with these arguments; gives what it printed. What makes it fail is a Fault, in git's words. */
export type Git = (args: readonly string[], where?: GitRun) => Promise<string>;

const protocols = ['http', 'https', 'ssh', 'git'];

/** Fault `unavailable` where git is not installed. */
export function openGit(options: GitCommandOptions): Git {
  const { searchPath = defaultSearchPath, signal, onProgress } = options;
  const command = launcher(searchPath);
  const base = { ...plainEnv, PATH: searchPath, ...proxyEnv(options), ...sshEnv(options) };
  return async (args, where = {}) => {
    const env = { ...base, ...configEnv(options), ...placeEnv(where) };
    const errors = new ErrorLines(onProgress);
    const result = await run('/bin/sh', [...command, ...args], {
      env,
      cwd: where.workTree ?? where.gitDir ?? '/',
      maxOutputBytes: maxAnswerBytes,
      onStderr: (chunk) => errors.add(chunk),
      ...(signal !== undefined && { signal }),
    });
    if (result.code !== 0) throw gitFault(errors.end());
    return result.stdout.toString('utf8');
  };
}

/** As many branches and tags as a large project has. */
const maxAnswerBytes = 64 * 2 ** 20;

/**
 * The umask is that of nobody in particular, or the checkout would have other modes on other machines; and git ends when
 * this process has, however that ended. Its helpers, which only read from the network, end when they stall.
 */
function launcher(searchPath: string): readonly string[] {
  const git = findExecutable('git', searchPath);
  if (git === undefined) {
    throw new Fault('unavailable', 'git is not installed', { hint: 'apt-get install git' });
  }
  const setpriv = findExecutable('setpriv', searchPath);
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'SIGTERM', '--'];
  return ['-c', 'umask 022 && exec "$@"', 'sh', ...guard, git];
}

const plainEnv = {
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TEMPLATE_DIR: '/nonexistent',
  GIT_TERMINAL_PROMPT: '0',
  GIT_PROTOCOL_FROM_USER: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_OPTIONAL_LOCKS: '0',
} as const;

function placeEnv({ gitDir, workTree, protocols: further = [] }: GitRun): Readonly<Record<string, string>> {
  return {
    GIT_ALLOW_PROTOCOL: [...protocols, ...further].join(':'),
    ...(gitDir !== undefined && { GIT_DIR: gitDir }),
    ...(workTree !== undefined && { GIT_WORK_TREE: workTree }),
  };
}

/**
 * Settings by the environment reach git's own children too, and are in no file and no process list. The helper that knows
 * the password is asked by git for its own origin only, whatever is redirected or a submodule of what.
 */
function configEnv({ remote, stallMs }: GitCommandOptions): Readonly<Record<string, string>> {
  const { credentials } = remote;
  const settings: readonly (readonly [string, string])[] = [
    ['core.hooksPath', '/dev/null'],
    ['core.fsmonitor', 'false'],
    ['core.symlinks', 'true'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['advice.detachedHead', 'false'],
    ['init.defaultBranch', 'master'],
    ['http.lowSpeedLimit', '1024'],
    ['http.lowSpeedTime', String(Math.ceil(stallMs / 1000))],
    ['credential.helper', ''],
    ...(credentials === undefined ? [] : [[`credential.${credentials.origin}.helper`, helper] as const]),
  ];
  const numbered = settings.flatMap(([name, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, name] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ]);
  return {
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(numbered),
    ...(credentials && { VARVE_GIT_USERNAME: credentials.username, VARVE_GIT_PASSWORD: credentials.password }),
  };
}

const helper = `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$VARVE_GIT_USERNAME" "$VARVE_GIT_PASSWORD"; }; f`;

function proxyEnv({ proxies }: GitCommandOptions): Readonly<Record<string, string>> {
  const entries = Object.entries(proxies).filter((entry): entry is [string, string] => Boolean(entry[1]));
  // For plain HTTP curl knows the small letters only: a CGI program's environment can be forged.
  return Object.fromEntries(entries.flatMap(([name, value]) => [[name, value] as const, [name.toLowerCase(), value]]));
}

function sshEnv({ ssh, knownHosts }: GitCommandOptions): Readonly<Record<string, string>> {
  const trust =
    ssh?.knownHosts === undefined
      ? ['StrictHostKeyChecking=accept-new', `UserKnownHostsFile=${sshQuoted(knownHosts)}`]
      : ['StrictHostKeyChecking=yes', `UserKnownHostsFile=${sshQuoted(ssh.knownHosts)}`];
  const settings = [...trust, 'BatchMode=yes', 'ConnectTimeout=30', 'ServerAliveInterval=15', 'ServerAliveCountMax=4'];
  const words = ['ssh', '-F', '/dev/null', ...settings.flatMap((each) => ['-o', each])];
  return {
    GIT_SSH_COMMAND: words.map(shellQuoted).join(' '),
    GIT_SSH_VARIANT: 'ssh',
    ...(ssh !== undefined && { SSH_AUTH_SOCK: ssh.authSock }),
  };
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A value of ssh's configuration, in which spaces part file names. */
function sshQuoted(path: string): string {
  return `"${path}"`;
}

const longestLine = 1000;
const mostLines = 100;
// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x1f\x7f-\x9f]/g;

/** The last lines of what git says, progress left out; each is told as it comes. */
class ErrorLines {
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #kept: string[] = [];
  #rest = '';

  constructor(onLine: ((line: string) => void) | undefined) {
    this.#onLine = onLine;
  }

  add(chunk: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(chunk).toString('latin1')).split(/[\r\n]/);
    this.#rest = (lines.pop() ?? '').slice(0, longestLine);
    for (const line of lines) this.#take(line);
  }

  end(): readonly string[] {
    this.#take(this.#rest);
    return this.#kept;
  }

  #take(line: string): void {
    const clean = line.slice(0, longestLine).replaceAll(controls, ' ').trim();
    if (clean === '') return;
    this.#onLine?.(clean);
    this.#kept.push(clean);
    if (this.#kept.length > mostLines) this.#kept.shift();
  }
}
