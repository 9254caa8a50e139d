/** A program for another architecture, small enough to be written by hand: it prints a line and ends. */

const instructions = (length: number): readonly number[] => [
  0xd2800020, // mov x0, #1 (standard output)
  0x100000e1, // adr x1, the text after the code
  0xd2800002 | (length << 5), // mov x2, #length
  0xd2800808, // mov x8, #64 (write)
  0xd4000001, // svc #0
  0xd2800000, // mov x0, #0
  0xd2800ba8, // mov x8, #93 (exit)
  0xd4000001, // svc #0
];

const headerBytes = 64 + 56;

/** A static ELF executable for linux/arm64 that prints `text` (elf(5); Arm A64 instruction set). */
export function arm64Program(text: string): Buffer {
  const message = Buffer.from(text);
  const code = Buffer.alloc(32);
  for (const [index, word] of instructions(message.length).entries()) code.writeUInt32LE(word >>> 0, index * 4);
  const base = 0x400000n;
  const size = BigInt(headerBytes + code.length + message.length);
  const header = Buffer.alloc(headerBytes);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(183, 18); // AArch64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(base + BigInt(headerBytes), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // load
  header.writeUInt32LE(5, 68); // read, execute
  header.writeBigUInt64LE(base, 80);
  header.writeBigUInt64LE(base, 88);
  header.writeBigUInt64LE(size, 96);
  header.writeBigUInt64LE(size, 104);
  header.writeBigUInt64LE(0x10000n, 112);
  return Buffer.concat([header, code, message]);
}
