import { readFileSync } from 'node:fs';
import { Fault } from '../errors/index.ts';
import { unreadableFile } from './unreadable-file.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const largestFileBytes = 16 * 1024 * 1024;

/**
 * The variables of `--env-file` and then of `--env`, as `NAME=VALUE`. A name alone takes its value from varve's own
 * environment, and is left out where it is not set there. Fault `invalid`, `not-found`.
 */
export function collectEnvironment(
  files: readonly string[],
  given: readonly string[],
  own: Environment,
): readonly string[] {
  const fromFiles = files.flatMap((file) => parseEnvironmentFile(readEnvironmentFile(file), file));
  return [...fromFiles, ...given].flatMap((variable) => withValue(variable, own));
}

/** Lines of an environment file: blank lines and those that start with `#` do not count. */
export function parseEnvironmentFile(content: string, file: string): readonly string[] {
  const lines = content.replace(/^\uFEFF/, '').split(/\r?\n/);
  return lines.flatMap((line, at) => {
    const variable = line.trimStart();
    if (variable === '' || variable.startsWith('#')) return [];
    const name = variable.split('=')[0] ?? '';
    if (name === '') throw new Fault('invalid', `${file}:${at + 1}: no variable name before '='`);
    if (/\s/.test(name)) throw new Fault('invalid', `${file}:${at + 1}: variable '${name}' contains whitespaces`);
    return [variable];
  });
}

/** `NAME=VALUE`, or what `own` has for the name. */
export function withValue(variable: string, own: Environment): readonly string[] {
  if (variable === '' || variable.startsWith('='))
    throw new Fault('invalid', `invalid environment variable: ${variable}`);
  if (variable.includes('=')) return [variable];
  const value = own[variable];
  return value === undefined ? [] : [`${variable}=${value}`];
}

function readEnvironmentFile(file: string): string {
  let content;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw unreadableFile(`read environment file ${file}`, error);
  }
  if (content.length > largestFileBytes) throw new Fault('invalid', `environment file ${file} is larger than 16 MiB`);
  return content.toString('utf8');
}
