import { Fault } from '../errors/index.ts';
import type { MountPropagation } from './container-options.ts';

/** What `-v` asks for. */
export interface BindOption {
  /** A host path, a volume's name, or undefined for a volume without a name. */
  readonly source: string | undefined;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readonly: boolean;
  readonly propagation: MountPropagation;
}

/**
 * Reads `[SOURCE:]TARGET[:OPTION,…]` with Docker's options `ro`, `rw`, the propagation modes, and `z` and `Z`: these
 * ask for an SELinux label, and a varve container runs without one, so there is nothing to relabel.
 *
 * Fails with `invalid` for anything else, naming it.
 */
export function parseBindOption(text: string): BindOption {
  const parts = text.split(':');
  if (parts.length > 3 || parts.includes('')) throw invalid(text, 'it is not [SOURCE:]TARGET[:OPTIONS]');
  const [source, target, options] = parts.length === 1 ? [undefined, parts[0] ?? '', undefined] : parts;
  if (target === undefined || !target.startsWith('/')) throw invalid(text, `the target "${target}" is not absolute`);
  return { source, target, ...parseOptions(text, options?.split(',') ?? []) };
}

function parseOptions(text: string, options: readonly string[]): Pick<BindOption, 'readonly' | 'propagation'> {
  const access = options.filter((option) => accesses.has(option));
  const modes = options.filter((option) => propagations.has(option));
  const unknown = options.find((option) => !accesses.has(option) && !propagations.has(option) && !labels.has(option));
  if (unknown !== undefined) throw invalid(text, `unknown option "${unknown}"`);
  if (access.length > 1 || modes.length > 1) throw invalid(text, 'two options contradict each other');
  return { readonly: access[0] === 'ro', propagation: (modes[0] ?? 'rprivate') as MountPropagation };
}

const accesses: ReadonlySet<string> = new Set(['ro', 'rw']);
const propagations: ReadonlySet<string> = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);
const labels: ReadonlySet<string> = new Set(['z', 'Z']);

function invalid(text: string, reason: string): Fault {
  return new Fault('invalid', `mount "${text}": ${reason}`, { hint: 'use [SOURCE:]TARGET[:ro|rw,…]' });
}
