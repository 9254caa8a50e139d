import { closeSync, fchmodSync } from 'node:fs';
import { Socket } from 'node:net';
import { openPipe } from '../host/index.ts';

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

/** Makes a pipe that every user of the container can open by name, and reads it into `onChunk`. */
export function openOutputPipe({ onChunk, rest }: OutputPipeOptions): OutputPipe {
  const { reader, writer } = openPipe();
  fchmodSync(writer, 0o666);
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
