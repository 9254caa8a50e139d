import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from './errno.ts';

/**
 * Whether the kernel hands programs of an architecture (Go's name) to an emulator, binfmt_misc in the kernel's
 * documentation: `usable` in any container, since the emulator was opened when it was registered (flag F); `outside`, only
 * where its own file is seen; `missing`. Reads only what is mounted at `folder`.
 */
export function emulatorFor(
  architecture: string,
  folder = '/proc/sys/fs/binfmt_misc',
): 'usable' | 'outside' | 'missing' {
  const program = programs.get(architecture);
  if (program === undefined || textOf(join(folder, 'status'))?.trim() !== 'enabled') return 'missing';
  const handlers = namesIn(folder).map((name) => parseHandler(textOf(join(folder, name)) ?? ''));
  const fitting = handlers.filter((handler) => handler !== undefined && matches(handler, program));
  if (fitting.some((handler) => handler?.flags.includes('F'))) return 'usable';
  return fitting.length > 0 ? 'outside' : 'missing';
}

interface Handler {
  readonly flags: string;
  readonly offset: number;
  readonly magic: Buffer;
  readonly mask: Buffer;
}

function parseHandler(text: string): Handler | undefined {
  const valueOf = (name: string): string => new RegExp(`^${name}:? ?(.*)$`, 'm').exec(text)?.[1] ?? '';
  if (!text.startsWith('enabled\n') || valueOf('magic') === '') return undefined;
  const magic = Buffer.from(valueOf('magic'), 'hex');
  const mask = valueOf('mask') === '' ? Buffer.alloc(magic.length, 0xff) : Buffer.from(valueOf('mask'), 'hex');
  return { flags: valueOf('flags'), offset: Number(valueOf('offset')), magic, mask };
}

function matches({ offset, magic, mask }: Handler, program: Buffer): boolean {
  if (offset !== 0 || magic.length > program.length) return false;
  return magic.every((byte, index) => ((byte ^ (program[index] ?? 0)) & (mask[index] ?? 0xff)) === 0);
}

/** The first bytes of a static program: elf(5), e_ident to e_machine. */
function elfHeader(bits: 32 | 64, order: 'little' | 'big', machine: number): Buffer {
  const header = Buffer.alloc(20);
  header.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, order === 'little' ? 1 : 2, 1]);
  if (order === 'little') {
    header.writeUInt16LE(2, 16);
    header.writeUInt16LE(machine, 18);
  } else {
    header.writeUInt16BE(2, 16);
    header.writeUInt16BE(machine, 18);
  }
  return header;
}

const programs: ReadonlyMap<string, Buffer> = new Map([
  ['386', elfHeader(32, 'little', 3)],
  ['amd64', elfHeader(64, 'little', 62)],
  ['arm', elfHeader(32, 'little', 40)],
  ['arm64', elfHeader(64, 'little', 183)],
  ['loong64', elfHeader(64, 'little', 258)],
  ['mips64', elfHeader(64, 'big', 8)],
  ['mips64le', elfHeader(64, 'little', 8)],
  ['ppc64', elfHeader(64, 'big', 21)],
  ['ppc64le', elfHeader(64, 'little', 21)],
  ['riscv64', elfHeader(64, 'little', 243)],
  ['s390x', elfHeader(64, 'big', 22)],
]);

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name !== 'status' && name !== 'register');
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(String(errnoOf(error)))) return undefined;
    throw error;
  }
}
