import { Fault } from '../errors/index.ts';
import type { AttachedOutput, Attachment } from '../runtime/index.ts';
import type { ContainerSession } from './containers.ts';

export interface SessionOptions {
  /** Undefined where the container was started without anybody attached. */
  readonly attachment: Attachment | undefined;
  readonly kill: ContainerSession['kill'];
  readonly resize: ContainerSession['resize'];
  readonly wait: () => Promise<number>;
}

/** A started container in the hands of who started it. */
export function openSession({ attachment, kill, resize, wait }: SessionOptions): ContainerSession {
  let ended: Promise<number> | undefined;
  return {
    output: attachment && outputOf(attachment),
    write: async (bytes) => {
      if (attachment === undefined) throw new Fault('conflict', 'write to the container: it is not attached');
      await attachment.write(bytes).catch((error: unknown) => {
        throw Fault.is(error, 'unavailable') ? new Fault('conflict', error.message, { cause: error }) : error;
      });
    },
    closeInput: () => void attachment?.endInput().catch(ignoreEnded),
    kill,
    resize,
    wait: () => (ended ??= wait().finally(() => attachment?.close())),
  };
}

async function* outputOf(attachment: Attachment): AsyncGenerator<AttachedOutput, void, undefined> {
  for (let piece = await attachment.read(); piece !== undefined; piece = await attachment.read()) yield piece;
}

/** Where the container has ended, its input has too. */
function ignoreEnded(error: unknown): void {
  if (!Fault.is(error, 'unavailable')) throw error;
}
