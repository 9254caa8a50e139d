import { readFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { bytesOf } from '../std/index.ts';
import type { ByteString } from '../std/index.ts';
import { faulting } from './errno.ts';
import type { MountInfo } from './mounts.ts';

/** The mounts of this process's namespace, in the kernel's order. */
export function readMountInfo(): MountInfo[] {
  const path = '/proc/self/mountinfo';
  const text = faulting('read', bytesOf(path), () => readFileSync(path, 'latin1'));
  return parseMountInfo(text as ByteString);
}

/** Reads the format of proc_pid_mountinfo(5). */
export function parseMountInfo(text: ByteString): MountInfo[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map(parseLine);
}

function parseLine(line: string): MountInfo {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, parentId, device, root, target, options] = fields;
  const [type, source, superOptions] = fields.slice(separator + 1);
  const [major, minor] = (device ?? '').split(':').map(Number);
  if (separator < 0 || superOptions === undefined || major === undefined || minor === undefined) {
    throw new Fault('internal', `read /proc/self/mountinfo: a line without the fields that are promised: ${line}`);
  }
  return {
    id: Number(id),
    parentId: Number(parentId),
    devMajor: major,
    devMinor: minor,
    root: unescape(root),
    target: unescape(target),
    options: (options ?? '').split(','),
    propagation: fields.slice(6, separator),
    type: type ?? '',
    source: unescape(source),
    superOptions: superOptions.split(',').map(unescape),
  };
}

/** Blanks, tabs, line ends and backslashes stand as a backslash and three octal digits. */
function unescape(field: string | undefined): ByteString {
  const plain = (field ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return plain as ByteString;
}
