import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { refuse, scriptedServer, send, type RecordedRequest, type Script } from '../http/scripted-server.fixture.ts';
import { parseReference } from '../oci/index.ts';
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
import type { RemoteTarget } from './remote-target.ts';

interface Faults {
  /** The connection breaks when so many bytes have arrived; one after the other. */
  readonly cutAt?: readonly number[];
  /** What was cut is not known any more. */
  readonly forgets?: boolean;
}

/** Takes uploads one at a time, as distribution does, with faults. */
export function uploadServer({ cutAt = [], forgets = false }: Faults): {
  readonly script: Script;
  readonly digest: () => string;
} {
  const cuts = [...cutAt];
  let bytes = Buffer.alloc(0);
  let uploads = 0;
  const isCurrent = (line: string): boolean => line.includes(`/upload/${uploads}`);
  const script: Script = async (request, response) => {
    const [verb] = request.line.split(' ');
    if (verb === 'HEAD') return send(response, 404);
    if (request.line.includes('/manifests/')) return send(response, 201);
    if (verb === 'POST') {
      uploads++;
      bytes = Buffer.alloc(0);
    } else if (!isCurrent(request.line)) return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'upload unknown');
    const cut = verb === 'PATCH' ? cuts.shift() : undefined;
    for await (const chunk of request.body) {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      if (cut !== undefined && bytes.length >= cut) return cutOff(response, () => forgets && uploads++);
    }
    if (verb === 'PUT') return send(response, 201);
    const headers = {
      location: `/upload/${uploads}?state=${bytes.length}`,
      range: `0-${Math.max(0, bytes.length - 1)}`,
    };
    return send(response, verb === 'GET' ? 204 : 202, '', headers);
  };
  return { script, digest: () => `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

function cutOff(response: ServerResponse, then: () => unknown): void {
  then();
  response.destroy();
}

export interface ServedTarget extends AsyncDisposable {
  readonly target: RemoteTarget;
  readonly host: string;
  readonly waits: readonly number[];
  readonly requests: () => readonly RecordedRequest[];
}

/** A repository of a registry that answers as the script says, without real waits. */
export async function servedTarget(
  script: Script,
  options: Partial<RegistryClientOptions> = {},
): Promise<ServedTarget> {
  const server = await scriptedServer(script);
  const waits: number[] = [];
  const sleep = async (delayMs: number): Promise<void> => void waits.push(delayMs);
  const client = new RegistryClient({ userAgent: 'varve/test', sleep, ...options });
  return {
    target: client.target(parseReference(`${server.host}/app`)),
    host: server.host,
    waits,
    requests: () => server.requests,
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
