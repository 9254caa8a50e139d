import { statSync } from 'node:fs';
import type { BuildOptions } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import { bytesOfInput } from './archive-input.ts';
import type { InputStream } from './output.ts';

/** What the operand of `build` means, as Docker decides it: `-`, a directory that is there, something remote. */
export function contextLocation(text: string, stdin: InputStream): BuildOptions['context'] {
  if (text === '-') return { kind: 'stream', bytes: bytesOfInput(stdin) };
  const isDirectory = statSync(text, { throwIfNoEntry: false })?.isDirectory() === true;
  return !isDirectory && remoteForm.test(text) ? { kind: 'remote', url: text } : { kind: 'directory', path: text };
}

const remoteForm = /^(https?|git|ssh):\/\/|^github\.com\/|^[\w-]+@[\w.-]+:/i;

/** What `--file` means: `-` is standard input, unless that is the context. */
export function dockerfileLocation(file: string, context: string, stdin: InputStream): BuildOptions['file'] & {} {
  if (file !== '-') return file;
  if (context !== '-') return bytesOfInput(stdin);
  throw new Fault('invalid', "invalid argument: can't use stdin for both build context and dockerfile");
}

/** `--build-context NAME=VALUE`; the last one of a name counts. */
export function parseContexts(given: readonly string[]): ReadonlyMap<string, string> {
  return new Map(given.map(splitContext));
}

function splitContext(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new Fault('invalid', `invalid context value: ${text}, expected key=value`, {
    hint: 'for example --build-context assets=../assets',
  });
}
