import type { AnyCommand } from './command.ts';
import { groupSummaries, groupVerbs, summaries } from './command-table.ts';
import type { FoundCommand } from './command-table.ts';
import type { Flag, FlagSet } from './flags.ts';

const common = ['run', 'ps', 'build', 'pull', 'images', 'layers', 'version', 'info'] as const;

function formatUsageLine(found: FoundCommand, command: AnyCommand): string {
  return `varve ${found.name} ${command.usage}`.trimEnd();
}

/** What is said to those who got the flags or the operands wrong. */
export function formatUsageAdvice(found: FoundCommand, command: AnyCommand): string {
  return `\nUsage:  ${formatUsageLine(found, command)}\n\nRun 'varve ${found.name} --help' for more information`;
}

export function formatCommandHelp(found: FoundCommand, command: AnyCommand): string {
  const flags = Object.keys(command.flags).length === 0 ? '' : `\nOptions:\n${formatFlags(command.flags)}`;
  return `Usage:  ${formatUsageLine(found, command)}\n\n${found.summary}\n${flags}`;
}

export function formatProgramHelp(globalFlags: FlagSet): string {
  const others = Object.entries(summaries).filter(([name]) => !common.some((each) => each === name));
  return [
    'Usage:  varve [OPTIONS] COMMAND\n',
    'Builds, runs and reads container images, layer by layer\n',
    `Common Commands:\n${formatVerbs(common.map((name) => [name, summaries[name]]))}`,
    `Management Commands:\n${formatVerbs(Object.entries(groupSummaries).filter(isOuter))}`,
    `Commands:\n${formatVerbs(others.filter(isOuter))}`,
    `Global Options:\n${formatFlags(globalFlags)}`,
    "Run 'varve COMMAND --help' for more information on a command.\n",
  ].join('\n');
}

export function formatGroupHelp(group: string): string {
  return `Usage:  varve ${group} COMMAND\n\nCommands:\n${formatVerbs(groupVerbs(group))}\nRun 'varve ${group} COMMAND --help' for more information on a command.\n`;
}

function isOuter([name]: readonly [string, string]): boolean {
  return !name.includes(' ');
}

function formatVerbs(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  return rows.map(([name, summary]) => `  ${name.padEnd(width)}${summary}\n`).join('');
}

function formatFlags(flags: FlagSet): string {
  const rows = Object.entries(flags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => [formatFlag(name, flag), formatFlagHelp(flag)] as const);
  const width = Math.max(...rows.map(([left]) => left.length)) + 3;
  return rows.map(([left, help]) => `  ${left.padEnd(width)}${help}\n`).join('');
}

function formatFlag(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `${short}--${name}${flag.kind === 'toggle' ? '' : ` ${flag.placeholder}`}`;
}

function formatFlagHelp(flag: Flag): string {
  if (flag.kind === 'toggle' && flag.initial) return `${flag.help} (default true)`;
  if (flag.kind === 'text' && flag.choices !== undefined) return `${flag.help} (${flag.choices.join(', ')})`;
  return flag.help;
}
