import { Fault } from '../errors/index.ts';

/** The Fault for a file that a person named and that could not be read: `during` names it (`read /nope`). */
export function unreadableFile(during: string, error: unknown): Fault {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const options = { cause: error };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new Fault('not-found', `${during}: no such file`, { ...options, hint: 'check the path' });
  }
  if (code === 'EISDIR') return new Fault('invalid', `${during}: it is a folder`, { ...options, hint: 'name a file' });
  if (code === 'EACCES' || code === 'EPERM') {
    return new Fault('denied', `${during}: permission denied`, {
      ...options,
      hint: 'it has to be readable for who runs varve',
    });
  }
  return Fault.wrap(during, error);
}
