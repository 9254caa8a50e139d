import { type Flags, type Refuse, parseFlags } from './flags.ts';
import { heredocText, parseHeredocMark } from './heredoc.ts';
import type { InlineFile, Instruction } from './instruction.ts';
import type { RawNode } from './parse-tree.ts';
import type { Word } from './position.ts';
import { baseOf } from './instruction-base.ts';

const shared = { chown: 'text', chmod: 'text', link: 'switch', exclude: 'list' } as const;

export function parseCopy(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (!hasDestination(node, 'COPY', refuse)) return undefined;
  const flags = parseFlags(node, { from: 'text', parents: 'switch', ...shared }, refuse);
  const copied = flags && parseCopied(node, 'COPY', refuse);
  if (copied === undefined) return undefined;
  const from = flags?.filled('from');
  const parents = flags?.switch('parents') ?? false;
  return { kind: 'copy', ...baseOf(node), ...copied, ...ownership(flags), ...(from && { from }), parents };
}

export function parseAdd(node: RawNode, refuse: Refuse): Instruction | undefined {
  if (!hasDestination(node, 'ADD', refuse)) return undefined;
  const own = { checksum: 'text', 'keep-git-dir': 'switch', unpack: 'switch' } as const;
  const flags = parseFlags(node, { ...own, ...shared }, refuse);
  const copied = flags && parseCopied(node, 'ADD', refuse);
  if (copied === undefined) return undefined;
  const checksum = flags?.filled('checksum');
  const keepGitDir = flags?.switch('keep-git-dir');
  const unpack = flags?.switch('unpack');
  return {
    kind: 'add',
    ...baseOf(node),
    ...copied,
    ...ownership(flags),
    ...(checksum && { checksum }),
    ...(keepGitDir !== undefined && { keepGitDir }),
    ...(unpack !== undefined && { unpack }),
  };
}

function hasDestination(node: RawNode, name: string, refuse: Refuse): boolean {
  if (node.args.length >= 2) return true;
  const rest = 'but only one was provided. Destination could not be determined';
  refuse(`${name} requires at least two arguments, ${rest}`);
  return false;
}

interface Copied {
  readonly sources: readonly Word[];
  readonly inlineFiles: readonly InlineFile[];
  readonly destination: Word;
  readonly json: boolean;
}

function parseCopied(node: RawNode, name: string, refuse: Refuse): Copied | undefined {
  const destination = node.args.at(-1);
  if (destination === undefined) return undefined;
  if (parseHeredocMark(destination.text).kind === 'heredoc') {
    return refuse(`${name} cannot accept a heredoc as a destination`, { word: destination });
  }
  const sources: Word[] = [];
  const inlineFiles: InlineFile[] = [];
  for (const word of node.args.slice(0, -1)) {
    const file = inlineFile(node, word);
    if (file === undefined) sources.push(word);
    else inlineFiles.push(file);
  }
  return { sources, inlineFiles, destination, json: node.json };
}

/** Of several texts with one name the last counts. */
function inlineFile(node: RawNode, word: Word): InlineFile | undefined {
  const result = parseHeredocMark(word.text);
  if (result.kind !== 'heredoc') return undefined;
  const { name, expand, stripTabs } = result.mark;
  const heredoc = node.heredocs.findLast((each) => each.name === name);
  const content = heredocText({ content: heredoc?.content ?? '', stripTabs });
  return { name, content, expand, word, span: heredoc?.span ?? word.span };
}

interface Ownership {
  readonly chown?: Word;
  readonly chmod?: Word;
  readonly link: boolean;
  readonly excludes: readonly Word[];
}

function ownership(flags: Flags | undefined): Ownership {
  const chown = flags?.filled('chown');
  const chmod = flags?.filled('chmod');
  const link = flags?.switch('link') ?? false;
  return { ...(chown && { chown }), ...(chmod && { chmod }), link, excludes: flags?.list('exclude') ?? [] };
}
