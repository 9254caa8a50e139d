import { chmodSync, chownSync, closeSync, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { join } from 'node:path';
import { Fault } from '../../errors/index.ts';

/** A socket through which an agent can be asked, while it is not disposed of. */
export interface ForwardedAgent extends AsyncDisposable {
  readonly socket: string;
}

export interface ForwardOptions {
  /** A folder that only we can enter; the socket gets this name in it. */
  readonly folder: string;
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/**
 * Forwards the agent at `agentSocket`. It may be asked for its keys and for signatures, and for nothing else: no
 * command of a build adds, removes or locks keys.
 */
export async function forwardAgent(agentSocket: string, options: ForwardOptions): Promise<ForwardedAgent> {
  const { folder, name, uid, gid, mode } = options;
  const connections = new Set<Socket>();
  const server = createServer((client) => relay(client, connect(agentSocket), connections));
  await listen(server, folder, name);
  const socket = join(folder, name);
  chownSync(socket, uid, gid);
  chmodSync(socket, mode);
  const dispose = async (): Promise<void> => {
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { socket, [Symbol.asyncDispose]: dispose };
}

/** Fault `unavailable` where no agent answers at the socket. */
export async function checkAgent(agentSocket: string): Promise<void> {
  const socket = connect(agentSocket);
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  } catch (error) {
    throw new Fault('unavailable', `reach the SSH agent at ${agentSocket}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    socket.destroy();
  }
}

/** The name of a socket may have 107 bytes at most: it is made relative to its folder's descriptor. */
async function listen(server: Server, folder: string, name: string): Promise<void> {
  const fd = openSync(folder, 'r');
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(`/proc/self/fd/${fd}/${name}`, resolve);
    });
  } catch (error) {
    throw new Fault('internal', `listen at ${join(folder, name)}: ${(error as Error).message}`, { cause: error });
  } finally {
    closeSync(fd);
  }
}

function relay(client: Socket, agent: Socket, connections: Set<Socket>): void {
  const end = (): void => {
    for (const socket of [client, agent]) {
      connections.delete(socket);
      socket.destroy();
    }
  };
  const filter = new AgentRequests();
  for (const socket of [client, agent]) connections.add(socket.once('close', end).on('error', end));
  client.pipe(filter.on('error', end)).pipe(agent);
  agent.pipe(client);
}

/**
 * The requests of a client (draft-ietf-sshm-ssh-agent: four bytes of length, one of type). One that is not allowed
 * becomes one of a type that no agent knows: it answers that it failed, in its turn.
 */
class AgentRequests extends Transform {
  #rest: Buffer = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= headBytes) {
      const length = this.#rest.readUInt32BE(0);
      if (length < 1 || length > largestRequestBytes)
        return done(new Fault('invalid', 'a request to the SSH agent is too large'));
      if (this.#rest.length < 4 + length) break;
      const request = this.#rest.subarray(0, 4 + length);
      this.push(allowedTypes.has(request[4] ?? 0) ? request : refusedRequest);
      this.#rest = this.#rest.subarray(4 + length);
    }
    done();
  }
}

const headBytes = 5;
const largestRequestBytes = 256 * 1024;
/** SSH_AGENTC_REQUEST_IDENTITIES and SSH_AGENTC_SIGN_REQUEST. */
const allowedTypes: ReadonlySet<number> = new Set([11, 13]);
const refusedRequest = Buffer.from([0, 0, 0, 1, 0]);
