import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { Tree } from '../host/index.ts';
import { bytesOf } from '../std/index.ts';

/**
 * A pipe for a container's output. Not what Node gives as a pipe, which is a socket: a program that opens
 * `/dev/stdout` or `/dev/stderr` by name (`tee /dev/stderr`, log files linked there) is refused on a socket.
 */
export interface OutputPipe {
  /** To be handed to the process that writes, then closed here with `closeWriter`. */
  readonly writer: number;
  closeWriter(): void;
  /** Settles once every writer is gone and all that they wrote has been passed on. Never rejects. */
  readonly drained: Promise<void>;
  /** Stops reading: writers get EPIPE. */
  abandon(): void;
}

export interface OutputPipeOptions {
  readonly onChunk: (chunk: Uint8Array) => void;
  /** Asked after each chunk: nothing more is read until the promise settles, and whoever writes has to wait. */
  readonly rest?: (() => Promise<void> | undefined) | undefined;
}

/** Makes a pipe, by way of a FIFO `name` that stands in `directory` for an instant, and reads it into `onChunk`. */
export function openOutputPipe(directory: string, name: string, { onChunk, rest }: OutputPipeOptions): OutputPipe {
  const { reader, writer } = openFifo(directory, name);
  const stream = new Socket({ fd: reader, readable: true, writable: false });
  stream.on('data', (chunk: Uint8Array) => {
    onChunk(chunk);
    const resting = rest?.();
    if (resting === undefined) return;
    stream.pause();
    void resting.then(() => stream.resume());
  });
  const drained = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  let open = true;
  return {
    writer,
    drained,
    closeWriter: () => {
      if (open) closeSync(writer);
      open = false;
    },
    abandon: () => stream.destroy(),
  };
}

/** The reading end is opened first and without waiting: with a reader there, opening the other end does not wait. */
function openFifo(directory: string, name: string): { readonly reader: number; readonly writer: number } {
  using tree = Tree.open(directory);
  const path = `${directory}/${name}`;
  tree.remove(bytesOf(name));
  tree.mknod(bytesOf(name), { type: 'fifo' });
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  tree.remove(bytesOf(name));
  return { reader, writer };
}
