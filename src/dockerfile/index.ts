/**
 * The Dockerfile language: text in, instructions and diagnostics out; the expansion of words; ignore files. Knows
 * nothing of images, layers or files, and never throws because of what it reads. See `instruction.ts` for what an
 * instruction is and `dockerfile.ts` for what reading a file gives.
 */
export { checkDockerfile } from './checks/check-dockerfile.ts';
export type { BaseFacts, CheckFacts, PlatformFacts } from './checks/check-facts.ts';
export type { CheckFinding, CheckReport } from './checks/check-report.ts';
export { checkPage, checkRuleNames } from './checks/check-rules.ts';
export type { CheckRule } from './checks/check-rules.ts';
export { parseBoolean, parseCsv } from './csv.ts';
export { formatMessage, hasErrors } from './diagnostic.ts';
export type { Diagnostic } from './diagnostic.ts';
export type { Directives } from './directives.ts';
export { maxDockerfileBytes, parseDockerfile, parseTrigger } from './dockerfile.ts';
export type { Dockerfile, Stage, Trigger } from './dockerfile.ts';
export { formatExcerpt } from './excerpt.ts';
export { expandHeredoc, expandWord, expandWords } from './expand.ts';
export type { ExpandOptions, Expansion } from './expand.ts';
export { heredocText } from './heredoc.ts';
export type { Heredoc } from './heredoc.ts';
export type {
  AddInstruction,
  ArgDeclaration,
  ArgInstruction,
  CmdInstruction,
  CommandLine,
  CopyInstruction,
  Device,
  EntrypointInstruction,
  EnvInstruction,
  ExposeInstruction,
  FromInstruction,
  Healthcheck,
  HealthcheckInstruction,
  InlineFile,
  Instruction,
  InstructionBase,
  LabelInstruction,
  MaintainerInstruction,
  MountFlag,
  NameValue,
  OnbuildInstruction,
  RunInstruction,
  ShellInstruction,
  StageInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from './instruction.ts';
export { resolveMount } from './mount.ts';
export type { Mount, MountResult } from './mount.ts';
export { formatPort, parsePorts } from './ports.ts';
export type { Port, PortsResult } from './ports.ts';
export type { Position, Span, Word } from './position.ts';
export { platformArgNames, proxyArgNames } from './predefined-args.ts';
export { runScript } from './run-script.ts';
export { suggest } from './suggestion.ts';
export type { RunScript } from './run-script.ts';
export type { Escape, LexResult, Lookup } from './lexer-state.ts';
export { createIgnoreMatcher } from './ignore-matcher.ts';
export type { IgnoreMatcher, IgnoreScope, IgnoreVerdict } from './ignore-matcher.ts';
export type { IgnorePattern } from './ignore-pattern.ts';
export { parseIgnore } from './ignore-rules.ts';
export type { IgnoreRules } from './ignore-rules.ts';
export { readPathPatterns } from './path-patterns.ts';
export type { PathPatterns } from './path-patterns.ts';
