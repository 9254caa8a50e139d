import { parseDevice } from './device.ts';
import { type Refuse, parseFlags } from './flags.ts';
import type { Device, Instruction, MountFlag } from './instruction.ts';
import { parseMountFlag } from './mount.ts';
import type { RawNode } from './parse-tree.ts';
import type { Word } from './position.ts';
import { baseOf, commandLine } from './instruction-base.ts';

export function parseRun(node: RawNode, refuse: Refuse): Instruction | undefined {
  const known = { mount: 'list', network: 'text', security: 'text', device: 'list' } as const;
  const flags = parseFlags(node, known, refuse);
  if (flags === undefined) return undefined;
  const mounts = all(flags.list('mount'), (word) => mountOf(word, refuse));
  const network = oneOf(flags.text('network'), ['default', 'none', 'host'] as const, (word) =>
    refuse(`invalid network mode ${JSON.stringify(word.text)}`, { word, hint: 'it is default, none or host' }),
  );
  const security = oneOf(flags.text('security'), ['sandbox', 'insecure'] as const, (word) =>
    refuse(`security ${JSON.stringify(word.text)} is not valid`, { word, hint: 'it is sandbox or insecure' }),
  );
  const devices = all(flags.list('device'), (word) => deviceOf(word, refuse));
  if (mounts === undefined || network === undefined || security === undefined || devices === undefined)
    return undefined;
  const { heredocs } = node;
  return { kind: 'run', ...baseOf(node), command: commandLine(node), heredocs, mounts, network, security, devices };
}

function oneOf<T extends string>(
  word: Word | undefined,
  values: readonly [T, ...T[]],
  refuse: (word: Word) => undefined,
): T | undefined {
  return word === undefined ? values[0] : (values.find((each) => each === word.text) ?? refuse(word));
}

function mountOf(word: Word, refuse: Refuse): MountFlag | undefined {
  const mount = parseMountFlag(word);
  return mount.kind === 'invalid' ? refuse(mount.message, { word }) : mount.flag;
}

function deviceOf(word: Word, refuse: Refuse): Device | undefined {
  const result = parseDevice(word.text);
  return result.kind === 'invalid' ? refuse(result.message, { word }) : result.device;
}

/** All values, or undefined if one of them is. */
function all<T>(words: readonly Word[], parse: (word: Word) => T | undefined): readonly T[] | undefined {
  const values = words.map(parse).filter((each) => each !== undefined);
  return values.length === words.length ? values : undefined;
}
