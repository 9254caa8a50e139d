import { parseAdd, parseCopy } from './copy-instruction.ts';
import type { Findings } from './findings.ts';
import { type Refuse, parseFlags } from './flags.ts';
import { parseHealthcheck } from './healthcheck-instruction.ts';
import type { ArgDeclaration, Instruction, NameValue } from './instruction.ts';
import { baseOf, commandLine } from './instruction-base.ts';
import type { RawNode } from './parse-tree.ts';
import type { Word } from './position.ts';
import { parseRun } from './run-instruction.ts';
import { didYouMean } from './suggestion.ts';
import { trim } from './white-space.ts';

type Parser = (node: RawNode, refuse: Refuse) => Instruction | undefined;

const parsers: Readonly<Record<string, Parser>> = {
  ADD: parseAdd,
  ARG: parseArg,
  CMD: parseCmd,
  COPY: parseCopy,
  ENTRYPOINT: parseEntrypoint,
  ENV: parseEnv,
  EXPOSE: parseExpose,
  FROM: parseFrom,
  HEALTHCHECK: parseHealthcheck,
  LABEL: parseLabel,
  MAINTAINER: parseMaintainer,
  ONBUILD: parseOnbuild,
  RUN: parseRun,
  SHELL: parseShell,
  STOPSIGNAL: parseStopsignal,
  USER: parseUser,
  VOLUME: parseVolume,
  WORKDIR: parseWorkdir,
};

/** The names of all instructions, in upper case. */
export const instructionNames: readonly string[] = Object.keys(parsers);

/** Gives a node its meaning, or reports why it has none. */
export function typedInstruction(node: RawNode, findings: Findings): Instruction | undefined {
  const name = node.keyword.text.toUpperCase();
  const refuse: Refuse = (message, place = {}) => {
    const hint = place.hint === undefined ? {} : { hint: place.hint };
    const span = place.word?.span ?? node.span;
    findings.report({ rule: 'instruction', message, span, instruction: node.span, ...hint });
    return undefined;
  };
  const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined;
  return parser === undefined ? refuseUnknown(node.keyword, refuse) : parser(node, refuse);
}

function refuseUnknown(keyword: Word, refuse: Refuse): undefined {
  const meant = didYouMean(keyword.text, instructionNames, { exactCase: false });
  const place = /[\u00a0\u2000-\u200b\ufeff]/.test(keyword.text)
    ? { word: keyword, hint: 'there is a blank in it that is no ordinary space' }
    : { word: keyword };
  return refuse(`unknown instruction: ${keyword.text}${meant}`, place);
}

const validStageName = /^[a-z][a-z0-9-_.]*$/;

function parseFrom(node: RawNode, refuse: Refuse): Instruction | undefined {
  const [base, as, stageName] = node.args;
  const isNamed = node.args.length === 3 && as?.text.toLowerCase() === 'as';
  if (base === undefined || (node.args.length !== 1 && !isNamed)) {
    return refuse('FROM requires either one or three arguments', { hint: 'write FROM image, or FROM image AS name' });
  }
  const name = stageName?.text.toLowerCase();
  if (name !== undefined && !validStageName.test(name)) {
    const shown = JSON.stringify(stageName?.text);
    const message = `invalid name for build stage: ${shown}, name can't start with a number or contain symbols`;
    return refuse(message, { word: stageName });
  }
  const flags = parseFlags(node, { platform: 'text' }, refuse);
  if (flags === undefined) return undefined;
  const platform = flags.filled('platform');
  return {
    kind: 'from',
    ...baseOf(node),
    base,
    ...(name === undefined || stageName === undefined || as === undefined ? {} : { name, stageName, as }),
    ...(platform === undefined ? {} : { platform }),
  };
}

function parseArg(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (node.args.length === 0) return refuse('ARG requires at least one argument');
  const args: ArgDeclaration[] = [];
  for (const word of node.args) {
    const equals = word.text.indexOf('=');
    if (equals === 0) return refuse('ARG names can not be blank', { word });
    const name = { text: equals < 0 ? word.text : word.text.slice(0, equals), span: word.span };
    const defaultValue = { text: word.text.slice(equals + 1), span: word.span };
    const description = descriptionOf(name.text, node.comments);
    args.push({
      name,
      ...(equals < 0 ? {} : { defaultValue }),
      ...(description === undefined ? {} : { description }),
    });
  }
  return { kind: 'arg', ...baseOf(node), args };
}

/** A comment line that begins with a name describes what is called so. */
export function descriptionOf(name: string, comments: readonly string[]): string | undefined {
  return comments.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

function parseEnv(node: RawNode, refuse: Refuse): Instruction | undefined {
  const variables = nameValuesOf(node, 'ENV', refuse);
  return variables && { kind: 'env', ...baseOf(node), variables };
}

function parseLabel(node: RawNode, refuse: Refuse): Instruction | undefined {
  const labels = nameValuesOf(node, 'LABEL', refuse);
  return labels && { kind: 'label', ...baseOf(node), labels };
}

function nameValuesOf(node: RawNode, instruction: string, refuse: Refuse): readonly NameValue[] | undefined {
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  if (node.args.length === 0) return refuse(`${instruction} requires at least one argument`);
  const pairs: NameValue[] = [];
  for (let at = 0; at + 2 < node.args.length; at += 3) {
    const [name, value, separator] = node.args.slice(at, at + 3);
    if (name === undefined || value === undefined) break;
    if (name.text === '') return refuse(`${instruction} names can not be blank`, { word: name });
    pairs.push({ name, value, legacy: separator?.text === '' });
  }
  return pairs;
}

function parseCmd(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  return { kind: 'cmd', ...baseOf(node), command: commandLine(node) };
}

function parseEntrypoint(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  return { kind: 'entrypoint', ...baseOf(node), command: commandLine(node) };
}

function parseShell(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  if (node.args.length === 0) return refuse('SHELL requires at least one argument');
  if (!node.json) {
    return refuse('SHELL requires the arguments to be in JSON form', { hint: 'write SHELL ["/bin/sh", "-c"]' });
  }
  return { kind: 'shell', ...baseOf(node), shell: node.args };
}

function parseExpose(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (node.args.length === 0) return refuse('EXPOSE requires at least one argument');
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  const ports = node.args.toSorted((a, b) => Buffer.compare(Buffer.from(a.text), Buffer.from(b.text)));
  return { kind: 'expose', ...baseOf(node), ports };
}

function parseVolume(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (node.args.length === 0) return refuse('VOLUME requires at least one argument');
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  const paths = node.args.map((word) => ({ text: trim(word.text), span: word.span }));
  const blank = paths.find((word) => word.text === '');
  if (blank !== undefined) return refuse('VOLUME specified can not be an empty string', { word: blank });
  return { kind: 'volume', ...baseOf(node), paths };
}

function parseWorkdir(node: RawNode, refuse: Refuse): Instruction | undefined {
  const path = onlyArgument(node, refuse);
  return path && parseFlags(node, {}, refuse) && { kind: 'workdir', ...baseOf(node), path };
}

function parseUser(node: RawNode, refuse: Refuse): Instruction | undefined {
  const user = onlyArgument(node, refuse);
  return user && parseFlags(node, {}, refuse) && { kind: 'user', ...baseOf(node), user };
}

function parseMaintainer(node: RawNode, refuse: Refuse): Instruction | undefined {
  const maintainer = onlyArgument(node, refuse);
  return maintainer && parseFlags(node, {}, refuse) && { kind: 'maintainer', ...baseOf(node), maintainer };
}

/** As in BuildKit, flags of STOPSIGNAL are not looked at. */
function parseStopsignal(node: RawNode, refuse: Refuse): Instruction | undefined {
  const signal = onlyArgument(node, refuse);
  return signal && { kind: 'stopsignal', ...baseOf(node), signal };
}

function onlyArgument(node: RawNode, refuse: Refuse): Word | undefined {
  const [word] = node.args;
  return word ?? refuse(`${node.keyword.text.toUpperCase()} requires exactly one argument`);
}

function parseOnbuild(node: RawNode, refuse: Refuse): Instruction | undefined {
  const { nested } = node;
  if (nested === undefined) return refuse('ONBUILD requires at least one argument');
  if (parseFlags(node, {}, refuse) === undefined) return undefined;
  const name = nested.keyword.text.toUpperCase();
  if (name === 'ONBUILD') return refuse("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name === 'FROM' || name === 'MAINTAINER') return refuse(`${name} isn't allowed as an ONBUILD trigger`);
  const line = node.original.replace(/^\s*ONBUILD\s*/i, '');
  const bodies = node.heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return { kind: 'onbuild', ...baseOf(node), trigger: line + bodies.join('') };
}
