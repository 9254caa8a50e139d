import type { Engine } from '../engine/index.ts';
import type { Context } from './command.ts';

/**
 * Does the same to everything that was named, in order. What fails is told and does not keep the others from their
 * turn. Gives the exit code: 1 where something failed.
 */
export async function forEachName(
  names: readonly string[],
  context: Pick<Context<Partial<Engine>>, 'report' | 'signal'>,
  act: (name: string) => Promise<void> | void,
): Promise<number> {
  let code = 0;
  for (const name of names) {
    context.signal.throwIfAborted();
    try {
      await act(name);
    } catch (error) {
      context.report(error);
      code = 1;
    }
  }
  return code;
}
