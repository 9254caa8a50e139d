import { Fault } from '../errors/index.ts';

/** What a `--chmod` makes of a mode. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/**
 * Reads the value of `--chmod`: octal (`0755`), or symbolic as chmod(1) has it (`u=rwX,go-w`), without a umask. Fault
 * `invalid` for anything else.
 */
export function parseChmod(text: string): ModeChange {
  if (/^\d+$/.test(text)) {
    const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Infinity;
    if (mode <= 0o7777) return () => mode;
    throw refused(text, 'it should be octal string and between 0 and 07777');
  }
  const clauses = text.split(',').map((clause) => parseClause(clause, text));
  return (mode, isDirectory) => clauses.reduce((before, clause) => clause(before, isDirectory), mode);
}

/** The mode of directories that are made on the way to the destination: as Docker has it, letters do not count for them. */
export function newDirectoryMode(text: string | undefined): number {
  return text === undefined || !/^[0-7]+$/.test(text) ? 0o755 : Number.parseInt(text, 8) & 0o777;
}

function parseClause(clause: string, text: string): ModeChange {
  const [, who = '', actions = ''] = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(clause) ?? [];
  if (actions === '') throw refused(text, 'it is neither octal nor of the form u=rwX,go-w');
  const steps = [...actions.matchAll(/([-+=])([^-+=]*)/g)].map(([, operator = '', what = '']) => ({ operator, what }));
  return (mode, isDirectory) => {
    let result = mode;
    for (const step of steps) result = apply(step, { mode: result, isDirectory, who: maskOf(who) });
    return result;
  };
}

interface Target {
  readonly mode: number;
  readonly isDirectory: boolean;
  /** The permissions that the clause is about: 0o700 for the owner, and so on. */
  readonly who: number;
}

function apply(step: { readonly operator: string; readonly what: string }, target: Target): number {
  const { mode, who, isDirectory } = target;
  const bits = bitsOf(step.what, target);
  if (step.operator === '+') return mode | bits;
  if (step.operator === '-') return mode & ~bits;
  // A directory keeps its setuid and setgid bits unless they are named.
  const special = isDirectory ? 0 : (who & 0o100 && 0o4000) | (who & 0o010 && 0o2000);
  return (mode & ~(who | special)) | bits;
}

function bitsOf(what: string, { mode, isDirectory, who }: Target): number {
  let bits = 0;
  for (const letter of what) {
    if (letter === 's') bits |= (who & 0o100 && 0o4000) | (who & 0o010 && 0o2000);
    else if (letter === 't') bits |= 0o1000;
    else bits |= permission(letter, mode, isDirectory) & who;
  }
  return bits;
}

/** What a letter means for all three, owner, group and others. */
function permission(letter: string, mode: number, isDirectory: boolean): number {
  if (letter === 'r') return 0o444;
  if (letter === 'w') return 0o222;
  if (letter === 'x') return 0o111;
  if (letter === 'X') return isDirectory || (mode & 0o111) !== 0 ? 0o111 : 0;
  const shift = letter === 'u' ? 6 : letter === 'g' ? 3 : 0;
  return ((mode >> shift) & 7) * 0o111;
}

function maskOf(who: string): number {
  if (who === '' || who.includes('a')) return 0o777;
  return (who.includes('u') ? 0o700 : 0) | (who.includes('g') ? 0o070 : 0) | (who.includes('o') ? 0o007 : 0);
}

function refused(text: string, why: string): Fault {
  return new Fault('invalid', `invalid chmod parameter: '${text}'. ${why}`);
}
