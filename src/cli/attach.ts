import type { ContainerSession, TerminalSize } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import type { Context } from './command.ts';
import type { InputStream } from './output.ts';

export interface AttachOptions {
  readonly tty: boolean;
  readonly interactive: boolean;
}

/** Ctrl-P, Ctrl-Q: leave the container running. */
const detachKeys = [0x10, 0x11] as const;

/**
 * Fault `invalid` where a terminal is asked for and standard input is none. Before anything is created: nobody wants a
 * container that cannot be talked to.
 */
export function checkTerminal(options: AttachOptions, stdin: InputStream): void {
  if (!options.tty || !options.interactive || stdin.isTTY === true) return;
  throw new Fault('invalid', 'the input device is not a TTY', {
    hint: 'leave -t away where input is a pipe or a file',
  });
}

/**
 * Is the terminal of a container until it has ended: its output is ours, our input, signals and window size are its
 * own. Gives its exit code; 0 when the person has left it by Ctrl-P Ctrl-Q and it runs on. The terminal is as it was.
 */
export async function attach(
  session: ContainerSession,
  options: AttachOptions,
  context: Context<unknown>,
): Promise<number> {
  using _signals = context.interruption.forward((name) => session.kill(name));
  using _window = options.tty ? followWindow(session, context) : undefined;
  using _terminal = options.tty && options.interactive ? rawMode(context.stdin) : undefined;
  const left = options.interactive
    ? pumpInput(session, options, context.stdin)
    : Promise.withResolvers<'detached'>().promise;
  const ended = pumpOutput(session, context).then(() => session.wait());
  const result = await Promise.race([ended, left, abortion(context.signal)]);
  if (result !== 'detached') return result;
  context.stderr.print('read escape sequence\n');
  return 0;
}

async function pumpOutput(session: ContainerSession, context: Context<unknown>): Promise<void> {
  for await (const { stream, bytes } of session.output ?? []) {
    await (stream === 'stdout' ? context.stdout : context.stderr).write(bytes);
  }
}

/** Resolves only when the person detaches: the end of the input ends the container's, not the session. */
async function pumpInput(session: ContainerSession, { tty }: AttachOptions, stdin: InputStream): Promise<'detached'> {
  const scan = createDetachScanner();
  try {
    for await (const chunk of stdin) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      const { pass, detached } = tty ? scan(bytes) : { pass: bytes, detached: false };
      if (pass.length > 0) await session.write(pass);
      if (detached) return 'detached';
    }
    session.closeInput();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return Promise.withResolvers<'detached'>().promise;
}

/** Standard output has gone away: nobody is there to see the rest. */
function abortion(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const leave = (): void => reject(new Fault('cancelled', 'attach: standard output was closed'));
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
  });
}

/** The container may end while we still write to it. */
function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'conflict' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Finds the detach keys also where they come in two reads; the first key is held back until the next byte is seen. */
export function createDetachScanner(): (bytes: Uint8Array) => {
  readonly pass: Uint8Array;
  readonly detached: boolean;
} {
  let held = false;
  return (bytes) => {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (held && byte === detachKeys[1]) return { pass: Uint8Array.from(pass), detached: true };
      if (held) pass.push(detachKeys[0]);
      held = byte === detachKeys[0];
      if (!held) pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detached: false };
  };
}

/** For a container whose terminal ours is to be; undefined where we have none. */
export function windowSize({ stdout }: Context<unknown>): TerminalSize | undefined {
  return stdout.isTerminal ? { columns: stdout.columns, rows: stdout.rows } : undefined;
}

function followWindow(session: ContainerSession, { stdout }: Context<unknown>): Disposable | undefined {
  if (!stdout.isTerminal) return undefined;
  const resize = (): void => session.resize({ columns: stdout.columns, rows: stdout.rows });
  stdout.stream.on('resize', resize);
  return { [Symbol.dispose]: () => void stdout.stream.off('resize', resize) };
}

function rawMode(stdin: InputStream): Disposable {
  stdin.setRawMode?.(true);
  return { [Symbol.dispose]: () => void stdin.setRawMode?.(false) };
}
