import type { Engine } from '../engine/index.ts';
import { Fault } from '../errors/index.ts';
import type { AnyCommand, Context } from './command.ts';
import { findCommand, groupOf, nearestVerb } from './command-table.ts';
import type { FoundCommand } from './command-table.ts';
import { describeError } from './describe-error.ts';
import { helpFlag, parseFlags, text, toggle } from './flags.ts';
import type { FlagValues } from './flags.ts';
import { runtimeFlag } from './runtime-flag.ts';
import { Interruption } from './interruption.ts';
import type { SignalSource } from './interruption.ts';
import { Output } from './output.ts';
import type { InputStream, OutputStream } from './output.ts';

/** What a run of the program gets from the process that it runs in. The streams are only read when they are used. */
export interface ProgramOptions {
  /** Without the interpreter and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly signals: SignalSource;
  readonly version: string;
  /** What is left out is for the one who opens it to choose, from the environment too. */
  readonly openEngine: (options: {
    readonly root?: string;
    readonly runRoot?: string;
    readonly runtime?: string;
  }) => Promise<Engine>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends the process at once: for those who press Ctrl-C twice. */
  readonly exit: (code: number) => void;
}

/** Docker's exit code for a command line that cannot be understood. */
const badFlagCode = 125;
/** What a shell reports of a program whose reader went away (128 + SIGPIPE). */
const brokenPipeCode = 141;

const globalFlags = {
  root: text('Folder of the store (default "/var/lib/varve", or $VARVE_ROOT)', { placeholder: 'folder' }),
  'run-root': text('Folder of what lives until the next boot (default "/run/varve", or $VARVE_RUN_ROOT)', {
    placeholder: 'folder',
  }),
  runtime: runtimeFlag,
  debug: toggle('Show the causes and the places of errors', { short: 'D' }),
  help: toggle('Show this help', { short: 'h' }),
  version: toggle('Show the version', { short: 'v' }),
};

/** Runs one command line and gives the exit code. Never throws; all that was written has left when it resolves. */
export async function runProgram(options: ProgramOptions): Promise<number> {
  using interruption = new Interruption(options.signals, options.exit);
  const stdout = new Output(
    () => options.stdout,
    (error) => interruption.abort(isBrokenPipe(error) ? brokenPipeCode : 1),
  );
  const stderr = new Output(() => options.stderr);
  const code = await new Program(options, { interruption, stdout, stderr }).run();
  await stdout.flush();
  if (stdout.failure !== undefined && !isBrokenPipe(stdout.failure)) {
    stderr.print(`Error: write standard output: ${stdout.failure.message}\n`);
  }
  await stderr.flush();
  return stdout.failure === undefined ? code : (interruption.exitCode ?? code);
}

interface Surroundings {
  readonly interruption: Interruption;
  readonly stdout: Output;
  readonly stderr: Output;
}

class Program {
  readonly #options: ProgramOptions;
  readonly #around: Surroundings;
  #debug = false;
  #engine: Promise<Engine> | undefined;

  constructor(options: ProgramOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
  }

  async run(): Promise<number> {
    try {
      const { flags, operands } = parseFlags(this.#options.argv, globalFlags, { stopAtOperand: true });
      this.#debug = flags.debug;
      if (flags.version) return this.#print(`varve version ${this.#options.version}\n`);
      if (flags.help || operands.length === 0) return this.#printHelp(operands);
      const found = findCommand(operands);
      return found === undefined ? await this.#unknown(operands) : await this.#runCommand(found, flags);
    } catch (error) {
      return this.#complain(error, badFlagCode, "Run 'varve --help' for more information");
    }
  }

  async #runCommand(found: FoundCommand, globals: FlagValues<typeof globalFlags>): Promise<number> {
    const command = await found.load();
    const declared = { ...command.flags, ...helpFlag(command.flags) };
    let parsed;
    try {
      parsed = parseFlags(found.args, declared, { stopAtOperand: command.stopAtOperand ?? false });
    } catch (error) {
      return this.#refuse(error, badFlagCode, { found, command });
    }
    if (parsed.flags.help) return this.#printCommandHelp(found, command);
    const wrong = wrongCount(found.name, parsed.operands.length, command.operands);
    if (wrong !== undefined) return this.#refuse(wrong, 1, { found, command });
    const runtime = runtimeOf(parsed.flags) ?? globals.runtime;
    return this.#execute(command, parsed as never, { ...globals, runtime });
  }

  async #refuse(error: unknown, code: number, of: { found: FoundCommand; command: AnyCommand }): Promise<number> {
    const { formatUsageAdvice } = await import('./usage.ts');
    return this.#complain(error, code, formatUsageAdvice(of.found, of.command));
  }

  async #execute(command: AnyCommand, input: never, globals: FlagValues<typeof globalFlags>): Promise<number> {
    const { interruption } = this.#around;
    try {
      const code = await command.run(input, this.#context(globals));
      return interruption.exitCode ?? code;
    } catch (error) {
      if (this.#around.stdout.failure === undefined) this.#report(error, command.errorLabel);
      return interruption.exitCode ?? command.failureCode?.(error) ?? 1;
    } finally {
      await this.#closeEngine();
    }
  }

  #context(globals: FlagValues<typeof globalFlags>): Context<Engine> {
    const options = this.#options;
    const { env, version, now, openEngine } = options;
    const { root, 'run-root': runRoot, runtime } = globals;
    return {
      ...this.#around,
      get stdin() {
        return options.stdin;
      },
      env,
      version,
      now,
      signal: this.#around.interruption.signal,
      report: (error) => this.#report(error),
      openEngine: () => {
        this.#engine ??= openEngine({
          ...(root === undefined ? {} : { root }),
          ...(runRoot === undefined ? {} : { runRoot }),
          ...(runtime === undefined ? {} : { runtime }),
        });
        return this.#engine;
      },
    };
  }

  async #closeEngine(): Promise<void> {
    try {
      await (await this.#engine?.catch(() => undefined))?.[Symbol.asyncDispose]();
    } catch (error) {
      this.#complain(error, 1);
    }
  }

  async #printHelp(operands: readonly string[]): Promise<number> {
    const found = findCommand(operands);
    if (found !== undefined) return this.#printCommandHelp(found, await found.load());
    const group = groupOf(operands);
    if (operands.length > 0 && group === '') return this.#unknown(operands);
    const { formatProgramHelp, formatGroupHelp } = await import('./usage.ts');
    return this.#print(group === '' ? formatProgramHelp(globalFlags) : formatGroupHelp(group));
  }

  async #printCommandHelp(found: FoundCommand, command: AnyCommand): Promise<number> {
    const { formatCommandHelp } = await import('./usage.ts');
    return this.#print(formatCommandHelp(found, command));
  }

  async #unknown(operands: readonly string[]): Promise<number> {
    const group = groupOf(operands);
    const words = group === '' ? [] : group.split(' ');
    const verb = operands[words.length] ?? '';
    if (group !== '' && ['', '--help', '-h'].includes(verb)) return this.#printHelp(words);
    const near = nearestVerb(verb, group);
    const before = group === '' ? '' : `${group} `;
    const advice = near === undefined ? '' : `\nDid you mean this?\n\t${before}${near}\n`;
    this.#around.stderr.print(
      `varve: unknown command: varve ${before}${verb}\n${advice}\nRun 'varve ${before}--help' for more information\n`,
    );
    return 1;
  }

  #print(content: string): number {
    this.#around.stdout.print(content);
    return 0;
  }

  #complain(error: unknown, code: number, more = ''): number {
    this.#report(error);
    if (more !== '') this.#around.stderr.print(`${more}\n`);
    return code;
  }

  #report(error: unknown, label = 'Error'): void {
    const isOurs = this.#around.interruption.signal.aborted && !Fault.is(error);
    const shown = isOurs ? new Fault('cancelled', 'interrupted', { cause: error }) : error;
    this.#around.stderr.print(describeError(shown, { debug: this.#debug, label }));
  }
}

/** Docker has it after the verb, Podman before it. */
function runtimeOf(flags: Readonly<Record<string, unknown>>): string | undefined {
  const { runtime } = flags;
  return typeof runtime === 'string' ? runtime : undefined;
}

function isBrokenPipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE';
}

function wrongCount(name: string, count: number, { min, max }: AnyCommand['operands']): Fault | undefined {
  if (count >= min && count <= max) return undefined;
  const least = count < min ? min : max;
  const bound = min === max ? '' : count < min ? 'at least ' : 'at most ';
  const noun = least === 1 ? 'argument' : 'arguments';
  const number = least === 0 ? 'no' : `${bound}${least}`;
  return new Fault('invalid', `'varve ${name}' ${least === 0 ? 'accepts' : 'requires'} ${number} ${noun}`);
}
