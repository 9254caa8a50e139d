import { Fault } from '../errors/index.ts';

/**
 * The flags of a command, declared as data: `{ quiet: toggle('Only show IDs', { short: 'q' }) }`. The key is the long
 * name. Parsing follows Docker's command line (pflag): `--name=v`, `--name v`, `-n v`, `-nv`, `-n=v`, `-abc` for
 * toggles in a row, `--toggle=false`, and `--` ends the flags.
 */
export type Flag = Toggle | Text | List;

export interface Toggle extends FlagBase {
  readonly kind: 'toggle';
  readonly initial: boolean;
}

export interface Text extends FlagBase {
  readonly kind: 'text';
  /** What the help calls the value: `string`, `file`. */
  readonly placeholder: string;
  /** The only values there are. */
  readonly choices?: readonly string[];
}

/** May be given several times. */
export interface List extends FlagBase {
  readonly kind: 'list';
  readonly placeholder: string;
}

interface FlagBase {
  /** One sentence for the help. */
  readonly help: string;
  /** One letter. */
  readonly short?: string;
}

export type FlagSet = Readonly<Record<string, Flag>>;

export type FlagValues<F extends FlagSet> = {
  readonly [K in keyof F]: F[K] extends Toggle ? boolean : F[K] extends List ? readonly string[] : string | undefined;
};

export interface ParsedFlags<F extends FlagSet> {
  readonly flags: FlagValues<F>;
  readonly operands: readonly string[];
}

export function toggle(help: string, options: { short?: string; initial?: boolean } = {}): Toggle {
  return { kind: 'toggle', help, initial: false, ...options };
}

export function text(
  help: string,
  options: { short?: string; placeholder?: string; choices?: readonly string[] } = {},
): Text {
  return { kind: 'text', help, placeholder: 'string', ...options };
}

export function list(help: string, options: { short?: string; placeholder?: string } = {}): List {
  return { kind: 'list', help, placeholder: 'list', ...options };
}

/** `--help`, with `-h` where the command does not use the letter for something else. */
export function helpFlag(flags: FlagSet): { readonly help: Toggle } {
  const taken = Object.values(flags).some((flag) => flag.short === 'h');
  return { help: toggle('Print usage', taken ? {} : { short: 'h' }) };
}

/**
 * Splits `args` into flags and operands. With `stopAtOperand` everything from the first operand on is an operand, as
 * for `run`, whose command has flags of its own. Fault `invalid` names the flag that is unknown or lacks its value.
 */
export function parseFlags<const F extends FlagSet>(
  args: readonly string[],
  declared: F,
  options: { readonly stopAtOperand: boolean },
): ParsedFlags<F> {
  const values = initialValues(declared);
  const operands: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (!isFlag(arg)) {
      operands.push(...args.slice(at, options.stopAtOperand ? undefined : at + 1));
      if (options.stopAtOperand) break;
      continue;
    }
    const next = args[at + 1];
    const usedNext = arg.startsWith('--')
      ? parseLong(arg, next, { declared, values })
      : parseShort(arg, next, { declared, values });
    if (usedNext) at++;
  }
  return { flags: Object.fromEntries(values) as FlagValues<F>, operands };
}

type Values = Map<string, boolean | string | string[] | undefined>;

interface Target {
  readonly declared: FlagSet;
  readonly values: Values;
}

function initialValues(declared: FlagSet): Values {
  return new Map<string, boolean | string[] | undefined>(
    Object.entries(declared).map(([name, flag]) => {
      const empty = flag.kind === 'list' ? [] : undefined;
      return [name, flag.kind === 'toggle' ? flag.initial : empty];
    }),
  );
}

function isFlag(arg: string): boolean {
  return arg.length > 1 && arg.startsWith('-');
}

/** True if `next` was taken as the value. */
function parseLong(arg: string, next: string | undefined, target: Target): boolean {
  const equals = arg.indexOf('=');
  const name = arg.slice(2, equals < 0 ? undefined : equals);
  const flag = Object.hasOwn(target.declared, name) ? target.declared[name] : undefined;
  if (flag === undefined) throw new Fault('invalid', `unknown flag: --${name}`);
  if (equals >= 0) return assign(name, arg.slice(equals + 1), target);
  if (flag.kind === 'toggle') return assign(name, 'true', target);
  if (next === undefined) throw new Fault('invalid', `flag needs an argument: --${name}`);
  assign(name, next, target);
  return true;
}

function parseShort(arg: string, next: string | undefined, target: Target): boolean {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at] ?? '';
    const found = Object.entries(target.declared).find(([, flag]) => flag.short === letter);
    if (found === undefined) throw new Fault('invalid', `unknown shorthand flag: '${letter}' in ${arg}`);
    const [name, flag] = found;
    const rest = arg.slice(at + 1);
    if (rest.startsWith('=')) return assign(name, rest.slice(1), target);
    if (flag.kind === 'toggle') {
      assign(name, 'true', target);
      continue;
    }
    if (rest !== '') return assign(name, rest, target);
    if (next === undefined) throw new Fault('invalid', `flag needs an argument: '${letter}' in ${arg}`);
    assign(name, next, target);
    return true;
  }
  return false;
}

function assign(name: string, value: string, { declared, values }: Target): false {
  const flag = declared[name];
  if (flag?.kind === 'toggle') values.set(name, parseBoolean(name, value));
  if (flag?.kind === 'text') values.set(name, checkChoice(name, value, flag));
  if (flag?.kind === 'list') values.set(name, [...((values.get(name) as string[] | undefined) ?? []), value]);
  return false;
}

function parseBoolean(name: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new Fault('invalid', `invalid argument "${value}" for "--${name}" flag: neither true nor false`);
}

function checkChoice(name: string, value: string, flag: Text): string {
  if (flag.choices === undefined || flag.choices.includes(value)) return value;
  const choices = flag.choices.join(', ');
  throw new Fault('invalid', `invalid argument "${value}" for "--${name}" flag: must be one of ${choices}`);
}
