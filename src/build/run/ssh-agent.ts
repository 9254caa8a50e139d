import { join } from 'node:path';
import { Fault } from '../../errors/index.ts';
import { findExecutable, run, spawnProcess, type Process } from '../../host/index.ts';

/** An `ssh-agent` of our own. It ends when it is disposed of, and when this process does, however that ends. */
export interface OwnAgent extends AsyncDisposable {
  readonly socket: string;
}

export interface OwnAgentOptions {
  /** A folder that only we can enter, for the socket. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Starts an agent that holds the private keys at these paths. Fault `unavailable` where OpenSSH's programs are missing,
 * `invalid` for what `ssh-add` does not take: a file that is no key, or one with a passphrase.
 */
export async function startAgent(keys: readonly string[], { folder, signal }: OwnAgentOptions): Promise<OwnAgent> {
  const agent = await launch(join(folder, 'agent'));
  try {
    for (const key of keys) await addKey(agent, key, signal);
    return agent;
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * The agent ends with the shell that it is the parent of, and the shell with our end of the pipe: the kernel closes that
 * for a process that is killed, too.
 */
async function launch(socket: string): Promise<OwnAgent> {
  const script = 'echo ready; cat >/dev/null; kill "$SSH_AGENT_PID"';
  const child = await spawnProcess(programAt('ssh-agent'), ['-a', socket, '/bin/sh', '-c', script], {
    env: { PATH: searchPath },
    stdio: ['pipe', 'pipe', 'pipe'],
    ownGroup: true,
  });
  const end = async (): Promise<void> => {
    child.stdin?.end();
    await child.ended;
  };
  const problem = await readiness(child);
  if (problem === undefined) return { socket, [Symbol.asyncDispose]: end };
  await end();
  throw new Fault('unavailable', `start ssh-agent: ${problem}`);
}

/** Undefined once the agent listens, else what it says instead. */
async function readiness(child: Process): Promise<string | undefined> {
  const said: Buffer[] = [];
  child.stdin?.on('error', () => undefined);
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  const isReady = await new Promise<boolean>((resolve) => {
    child.stdout?.once('data', () => resolve(true));
    child.stdout?.once('close', () => resolve(false));
  });
  if (isReady) return undefined;
  await child.ended;
  return Buffer.concat(said).toString('utf8').trim();
}

async function addKey({ socket }: OwnAgent, key: string, signal: AbortSignal): Promise<void> {
  const env = { PATH: searchPath, SSH_AUTH_SOCK: socket };
  const { code, stderr } = await run(programAt('ssh-add'), ['-q', key], { env, signal, timeoutMs: 10_000 });
  if (code === 0) return;
  throw new Fault('invalid', `load SSH key ${key}: ${stderr.toString('utf8').trim() || 'ssh-add refused it'}`, {
    hint: 'a key with a passphrase has to be in an agent of your own: give its socket, or default',
  });
}

function programAt(name: string): string {
  const found = findExecutable(name);
  if (found !== undefined) return found;
  throw new Fault('unavailable', `load SSH keys: ${name} is not installed`, { hint: 'apt-get install openssh-client' });
}

const searchPath = '/usr/local/bin:/usr/bin:/bin';
