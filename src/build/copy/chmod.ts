import { Fault } from '../../errors/index.ts';

/** What a `--chmod` makes of a mode. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/**
 * Reads the value of `--chmod`: octal (`0755`), or symbolic as chmod(1) of the BSDs has it (`u=rwX,go-w`), without a
 * umask. Fault `invalid` for anything else.
 */
export function parseChmod(text: string): ModeChange {
  if (/^\d/.test(text)) {
    const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Infinity;
    if (mode <= 0o7777) return () => mode;
    throw refused(text, 'it should be octal string and between 0 and 07777');
  }
  const commands = text.split(',').flatMap((clause) => parseClause(clause, text));
  return (mode, isDirectory) => applyAll(commands, mode, isDirectory);
}

/** The value in its shortest form: equal for octal values that mean the same. */
export function canonicalChmod(text: string): string {
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8).toString(8) : text;
}

/** True of a value that leaves nothing of a file's own mode. */
export function isWholeMode(text: string): boolean {
  return /^[0-7]+$/.test(text);
}

/**
 * The mode of directories that are made on the way to the destination: as Docker has it, letters do not count for
 * them, and a umask of 022 does.
 */
export function newDirectoryMode(text: string | undefined): number {
  return text === undefined || !isWholeMode(text) ? 0o755 : Number.parseInt(text, 8) & 0o755;
}

type Operator = '+' | '-' | '=';

/** One thing that is done to a mode, after those before it. */
type Command =
  /** `executable`: sets them for directories, and where the mode was executable for anybody at first. */
  | { readonly kind: 'set' | 'clear' | 'executable'; readonly bits: number }
  /** Takes the three permissions that stand at a shift, and adds them, removes them, or puts them at others. */
  | { readonly kind: 'copy'; readonly operator: Operator; readonly from: number; readonly to: readonly number[] };

function parseClause(clause: string, text: string): readonly Command[] {
  const [, who = '', actions = ''] = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause) ?? [];
  if (actions === '') throw refused(text, 'invalid syntax: it is neither octal nor of the form u=rwX,go-w');
  return [...actions.matchAll(/([-+=])([^-+=]*)/g)].flatMap(([, operator = '', letters = '']) =>
    parseAction(maskOf(who), operator as Operator, letters),
  );
}

/**
 * What the letters behind one operator come to. A letter of another's permissions (`g=u`) ends what was gathered before
 * it. With `t`, and nobody named, nothing but the sticky bit is meant.
 */
function parseAction(who: number, operator: Operator, letters: string): readonly Command[] {
  const commands: Command[] = [];
  let mask = who;
  let [plain, executable, isAssigned] = [0, 0, false];
  const meant = (): number => (mask === 0 ? everything : mask);
  const gathered = (isLast: boolean): void => {
    const bits = plain & meant();
    if (operator === '=' && (plain !== 0 || (isLast && !isAssigned))) commands.push({ kind: 'clear', bits: meant() });
    if (plain !== 0) commands.push({ kind: operator === '-' ? 'clear' : 'set', bits });
    if (executable !== 0) commands.push({ kind: 'executable', bits: executable & meant() });
    [plain, executable] = [0, 0];
  };
  for (const letter of letters) {
    if (letter === 'X' && operator !== '-') executable = permissions.x;
    else if (letter === 'u' || letter === 'g' || letter === 'o') {
      gathered(false);
      isAssigned = true;
      commands.push({ kind: 'copy', operator, from: shifts[letter], to: placesIn(meant()) });
    } else if (letter !== 's' && letter !== 't') plain |= permissions[letter as keyof typeof permissions];
    else if (who !== onlyOthers) {
      plain |= letter === 's' ? 0o6000 : 0o1000;
      if (letter === 't') mask |= 0o1000;
    }
  }
  gathered(true);
  return commands;
}

function applyAll(commands: readonly Command[], mode: number, isDirectory: boolean): number {
  const isExecutable = isDirectory || (mode & 0o111) !== 0;
  return commands.reduce((before, command) => apply(command, before, isExecutable), mode);
}

function apply(command: Command, mode: number, isExecutable: boolean): number {
  switch (command.kind) {
    case 'set':
      return mode | command.bits;
    case 'clear':
      return mode & ~command.bits;
    case 'executable':
      return isExecutable ? mode | command.bits : mode;
    case 'copy': {
      const value = (mode >> command.from) & 7;
      return command.to.reduce((before, shift) => copied(command.operator, before, value, shift), mode);
    }
  }
}

function copied(operator: Operator, mode: number, value: number, shift: number): number {
  if (operator === '-') return mode & ~(value << shift);
  return (operator === '=' ? mode & ~(7 << shift) : mode) | (value << shift);
}

/** The bits that a clause is about; 0 where it names nobody. */
function maskOf(who: string): number {
  if (who.includes('a')) return everything;
  return (who.includes('u') ? 0o4700 : 0) | (who.includes('g') ? 0o2070 : 0) | (who.includes('o') ? onlyOthers : 0);
}

function placesIn(mask: number): readonly number[] {
  return Object.values(shifts).filter((shift) => (mask & (4 << shift)) !== 0);
}

const everything = 0o6777;
const onlyOthers = 0o007;
const permissions = { r: 0o444, w: 0o222, x: 0o111, X: 0o111 } as const;
const shifts = { u: 6, g: 3, o: 0 } as const;

function refused(text: string, why: string): Fault {
  return new Fault('invalid', `invalid chmod parameter: '${text}'. ${why}`);
}
