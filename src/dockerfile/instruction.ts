import type { Heredoc } from './heredoc.ts';
import type { Span, Word } from './position.ts';

/**
 * The instructions of the language, typed.
 *
 * Nothing is expanded here: every `Word` stands as written, with its quotes, escapes and variables, because what a
 * variable holds is known only when the instruction is reached. Whoever carries an instruction out expands
 * - FROM's base and platform, with the ARGs above the first FROM only;
 * - the names and values of ENV and LABEL, and the default values of ARG, not its names;
 * - the sources, destination, `chown` and `chmod` of COPY and ADD, and ADD's `checksum`; sources and destination also
 *   where they are a JSON array; inline files by `expandHeredoc`, where they say so;
 * - the words of WORKDIR, USER, VOLUME and STOPSIGNAL, and EXPOSE's by `expandWords`;
 * - the values of RUN's mounts, by `resolveMount`.
 * One instruction sees the variables as they were before it. Never expanded are the commands of RUN, CMD, ENTRYPOINT
 * and HEALTHCHECK, SHELL, ONBUILD's trigger, MAINTAINER, `--exclude`, and `--from`, in which a variable is an error.
 *
 * A flag that is absent, or empty where that means the same, is left out.
 */
export type Instruction =
  | FromInstruction
  | RunInstruction
  | CopyInstruction
  | AddInstruction
  | EnvInstruction
  | LabelInstruction
  | ArgInstruction
  | WorkdirInstruction
  | UserInstruction
  | CmdInstruction
  | EntrypointInstruction
  | ShellInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopsignalInstruction
  | HealthcheckInstruction
  | OnbuildInstruction
  | MaintainerInstruction;

/** What may stand in a stage, below its FROM. */
export type StageInstruction = Exclude<Instruction, FromInstruction>;

export interface InstructionBase {
  /** The name as written: `RUN`, `run`. */
  readonly keyword: Word;
  /** The line with its continuations joined, without here-documents. */
  readonly original: string;
  /** From the first character to the end of the last line, here-documents included. */
  readonly span: Span;
  /** The comment lines right above, without their `#`. */
  readonly comments: readonly string[];
}

/** `FROM [--platform=P] BASE [AS NAME]` */
export interface FromInstruction extends InstructionBase {
  readonly kind: 'from';
  /** An image, an earlier stage, or `scratch`. */
  readonly base: Word;
  /** In lower case, as it is looked up; `stageName` has it as written. */
  readonly name?: string;
  readonly stageName?: Word;
  /** `AS` as written. */
  readonly as?: Word;
  readonly platform?: Word;
}

/** What a process is started from: words as they are, or a text for the stage's shell. */
export type CommandLine =
  | { readonly form: 'exec'; readonly args: readonly Word[] }
  | { readonly form: 'shell'; readonly script: Word };

export interface RunInstruction extends InstructionBase {
  readonly kind: 'run';
  /** In shell form the line only; `runScript` adds the here-documents as a shell wants them. */
  readonly command: CommandLine;
  readonly heredocs: readonly Heredoc[];
  /** Unresolved: see `resolveMount`. */
  readonly mounts: readonly MountFlag[];
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly devices: readonly Device[];
}

/** One `--mount`, its fields in order; keys in lower case, a field without `=` has no value. */
export interface MountFlag {
  readonly word: Word;
  readonly fields: readonly { readonly text: string; readonly key: string; readonly value?: string }[];
}

/** A CDI device. */
export interface Device {
  readonly name: string;
  readonly required: boolean;
}

/** A here-document as the source of a copy: a file called `name`. */
export interface InlineFile {
  readonly name: string;
  /** Leading tabs are gone where it was written `<<-`. Use `expandHeredoc` on it if `expand` is set. */
  readonly content: string;
  readonly expand: boolean;
  readonly word: Word;
  readonly span: Span;
}

interface CopyLike extends InstructionBase {
  /** Paths, patterns and, for ADD, URLs. */
  readonly sources: readonly Word[];
  readonly inlineFiles: readonly InlineFile[];
  readonly destination: Word;
  /** True if sources and destination were a JSON array. */
  readonly json: boolean;
  readonly chown?: Word;
  readonly chmod?: Word;
  readonly link: boolean;
  readonly excludes: readonly Word[];
}

export interface CopyInstruction extends CopyLike {
  readonly kind: 'copy';
  /** A stage by name or number, an image, or a named context. */
  readonly from?: Word;
  readonly parents: boolean;
}

export interface AddInstruction extends CopyLike {
  readonly kind: 'add';
  readonly checksum?: Word;
  /** Left out where the flag is: the two flags have no fixed default. */
  readonly keepGitDir?: boolean;
  readonly unpack?: boolean;
}

export interface NameValue {
  readonly name: Word;
  readonly value: Word;
  /** Written `NAME value` without `=`. */
  readonly legacy: boolean;
}

export interface EnvInstruction extends InstructionBase {
  readonly kind: 'env';
  readonly variables: readonly NameValue[];
}

export interface LabelInstruction extends InstructionBase {
  readonly kind: 'label';
  readonly labels: readonly NameValue[];
}

export interface ArgInstruction extends InstructionBase {
  readonly kind: 'arg';
  readonly args: readonly ArgDeclaration[];
}

export interface ArgDeclaration {
  readonly name: Word;
  readonly defaultValue?: Word;
  /** What the comment above says of it: `# name text`. */
  readonly description?: string;
}

export interface WorkdirInstruction extends InstructionBase {
  readonly kind: 'workdir';
  readonly path: Word;
}

export interface UserInstruction extends InstructionBase {
  readonly kind: 'user';
  readonly user: Word;
}

export interface CmdInstruction extends InstructionBase {
  readonly kind: 'cmd';
  readonly command: CommandLine;
}

export interface EntrypointInstruction extends InstructionBase {
  readonly kind: 'entrypoint';
  readonly command: CommandLine;
}

export interface ShellInstruction extends InstructionBase {
  readonly kind: 'shell';
  readonly shell: readonly Word[];
}

export interface ExposeInstruction extends InstructionBase {
  readonly kind: 'expose';
  /** Sorted as written; expand with `expandWords`, then read with `parsePorts`. */
  readonly ports: readonly Word[];
}

export interface VolumeInstruction extends InstructionBase {
  readonly kind: 'volume';
  readonly paths: readonly Word[];
}

export interface StopsignalInstruction extends InstructionBase {
  readonly kind: 'stopsignal';
  readonly signal: Word;
}

export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: 'healthcheck';
  /** `none` switches off the check that the base image has. */
  readonly check: 'none' | Healthcheck;
}

/** Times in nanoseconds, as image configurations hold them; 0 where not given, which means inherited. */
export interface Healthcheck {
  readonly command: CommandLine;
  readonly intervalNs: number;
  readonly timeoutNs: number;
  readonly startPeriodNs: number;
  readonly startIntervalNs: number;
  readonly retries: number;
}

export interface OnbuildInstruction extends InstructionBase {
  readonly kind: 'onbuild';
  /** The trigger's text, here-documents included, as image configurations hold it; `parseTrigger` reads it. */
  readonly trigger: string;
}

export interface MaintainerInstruction extends InstructionBase {
  readonly kind: 'maintainer';
  readonly maintainer: Word;
}
