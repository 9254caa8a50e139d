import { readdirSync } from 'node:fs';
import { Fault } from '../errors/index.ts';

/** `id`, if a runtime takes it for a container's; else Fault `invalid`. */
export function checkId(id: string): string {
  if (idPattern.test(id)) return id;
  throw new Fault('invalid', `container id "${id}": only letters, digits, "_", ".", "+" and "-" can stand in it`);
}

/** The ids of the containers that have a folder in a state directory, sorted. */
export function containersIn(stateDir: string): string[] {
  return readdirSync(stateDir)
    .filter((name) => idPattern.test(name))
    .toSorted();
}

const idPattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$/;
