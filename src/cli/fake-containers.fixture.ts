import type { ContainerOptions, ContainerSession, ContainerSummary, Engine, TransferEvent } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';

/** A call that the engine got: the use case and its arguments, without signals and callbacks. */
export type Call = readonly [name: string, ...args: unknown[]];

export interface FakeContainer {
  output: readonly { readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }[];
  exitCode: number;
  startFault: Error | undefined;
  /** Ends only when all of its input was read. */
  readsInput: boolean;
  /** Ends only when it gets a signal. */
  waitsForSignal: boolean;
}

/** What the containers of the fake engine go by. */
export interface ContainerPlan {
  readonly container: FakeContainer;
  readonly transferEvents: readonly TransferEvent[];
}

export const imageId = `sha256:af973c39eff1${'0'.repeat(52)}`;
export const containerId = `1ba471099455${'f'.repeat(52)}`;
/** Ten minutes after the things of this engine were made. */
export const nowMs = Date.parse('2026-11-23T15:36:55Z');

export const created = '2026-11-23T15:26:55.943620357Z';
const encoder = new TextEncoder();

const containerRows: readonly ContainerSummary[] = [
  {
    id: containerId,
    name: 'clit',
    image: 'busybox:local',
    imageId,
    command: "sh -c 'echo hi there this is a long command'",
    created,
    state: 'running',
    status: 'Up 10 minutes',
    labels: new Map([
      ['a', '1'],
      ['b', ''],
    ]),
  },
  {
    id: `ef5790dd129e${'0'.repeat(52)}`,
    name: 'q1',
    image: 'alpine',
    imageId: `sha256:${'e'.repeat(64)}`,
    command: 'true',
    created: '2026-11-23T13:00:00Z',
    state: 'exited',
    status: 'Exited (0) 2 hours ago',
    labels: new Map(),
  },
];

export function fakeContainers(calls: Call[], plan: () => ContainerPlan): Engine['containers'] {
  return {
    create: async (options: ContainerOptions) => {
      calls.push(['create', plain({ ...options, labels: [...options.labels] })]);
      if (options.image === 'nope') throw new Fault('not-found', 'no such image: nope');
      for (const event of plan().transferEvents) options.onProgress(event);
      return {
        id: containerId,
        name: options.name ?? 'made-up',
        warnings: options.cpus === 99 ? ['this machine has no cpu controller'] : [],
      };
    },
    start: async (name, options) => {
      find(name);
      calls.push(['start', name, plain(options)]);
      const { startFault } = plan().container;
      if (startFault !== undefined) throw startFault;
      return fakeSession(calls, plan().container, options.attach);
    },
    wait: async (name) => (find(name).state === 'exited' ? 0 : 137),
    stop: async (name, options) => {
      find(name);
      calls.push(['stop', name, plain(options)]);
    },
    kill: (name, signalName) => {
      find(name);
      calls.push(['kill', name, signalName]);
    },
    remove: async (name, options) => {
      if (find(name).state === 'running' && !options.force)
        throw new Fault('conflict', `container ${name} is running`, { hint: 'stop it, or use -f' });
      calls.push(['rm', name, options]);
    },
    containerEnded: async (id) => void calls.push(['containerEnded', id]),
    list: ({ all }) => containerRows.filter((row) => all || row.state === 'running'),
    inspect: (name) => ({
      Id: find(name).id,
      Name: `/${name}`,
      State: { Status: find(name).state, ExitCode: 0 },
      Config: { Tty: false, OpenStdin: true },
    }),
    async *logs(name, options) {
      find(name);
      calls.push(['logs', plain(options)]);
      yield { stream: 'stdout', time: '2026-11-23T15:32:27.874183052Z', bytes: encoder.encode('out\n') };
      yield { stream: 'stderr', time: '2026-11-23T15:32:28.000000000Z', bytes: encoder.encode('err\n') };
      yield { stream: 'stdout', time: '2026-11-23T15:32:29.000000000Z', bytes: encoder.encode('no newline') };
    },
    async *exportTree(name) {
      find(name);
      yield new Uint8Array(512).fill(65);
      yield new Uint8Array(512).fill(66);
    },
    diff: (name) => {
      find(name);
      return [
        { kind: 'C', path: bytesOf('/etc') },
        { kind: 'A', path: bytesOf('/etc/new') },
        { kind: 'D', path: bytesOf('/gone') },
      ];
    },
    commit: async (name, options) => {
      find(name);
      calls.push(['commit', name, plain(options)]);
      return { imageId };
    },
  };
}

function find(name: string): ContainerSummary {
  const known = containerRows.find((row) => row.name === name || row.id === name);
  if (known === undefined) throw new Fault('not-found', `no such container: ${name}`);
  return known;
}

function fakeSession(calls: Call[], container: FakeContainer, attached: boolean): ContainerSession {
  const input = Promise.withResolvers<void>();
  const signalled = Promise.withResolvers<void>();
  async function* output(): AsyncGenerator<FakeContainer['output'][number]> {
    yield* container.output;
    if (container.readsInput) await input.promise;
    if (container.waitsForSignal) await signalled.promise;
  }
  return {
    output: attached ? output() : undefined,
    write: async (bytes) => void calls.push(['write', Buffer.from(bytes).toString()]),
    closeInput: () => {
      calls.push(['closeInput']);
      input.resolve();
    },
    resize: (size) => void calls.push(['resize', size]),
    kill: (signalName) => {
      calls.push(['session.kill', signalName]);
      signalled.resolve();
    },
    wait: async () => container.exitCode,
  };
}

/** Options as data: without what cannot be compared. */
export function plain(options: object): Record<string, unknown> {
  const entries = Object.entries(options).filter(
    ([, value]) => typeof value !== 'function' && !(value instanceof AbortSignal),
  );
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Map ? Object.fromEntries(value) : value]),
  );
}
