import { posix } from 'node:path';
import type { FileSpec } from './test-store.ts';

/** A node of BuildKit's own parser, as the corpus of real Dockerfiles has it. */
export interface CorpusNode {
  readonly value: string;
  readonly args?: readonly string[];
  readonly flags?: readonly string[];
  readonly startLine: number;
  readonly endLine: number;
}

export interface RewrittenDockerfile {
  readonly dockerfile: string;
  /** What its instructions copy. */
  readonly context: ReadonlyMap<string, FileSpec>;
}

/**
 * A Dockerfile that needs no network: every image becomes `base`, every RUN does nothing, users are those of the base,
 * and what comes from the web or from other images is left out. What is copied from stages is made there, what is copied
 * from the context is made up.
 */
export function rewriteDockerfile(text: string, nodes: readonly CorpusNode[], base: string): RewrittenDockerfile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const stages = nodes.filter(isFrom).map(({ args = [] }) => (args[2] ?? '').toLowerCase());
  const copies = nodes.filter(({ value }) => /^(copy|add)$/i.test(value));
  const output: string[] = lines.filter((line) => /^#\s*escape\s*=/i.test(line));
  let stage = -1;
  for (const node of nodes) {
    if (isFrom(node)) {
      output.push(...provided(copies, stages, stage));
      stage += 1;
    }
    const source = lines.slice(node.startLine - 1, node.endLine).join('\n');
    output.push(...rewritten(node, source, { base, stages: stages.slice(0, Math.max(stage, 0)), all: stages }));
  }
  return { dockerfile: `${output.join('\n')}\n`, context: contextOf(copies) };
}

interface Surroundings {
  readonly base: string;
  /** Names of the stages before. */
  readonly stages: readonly string[];
  readonly all: readonly string[];
}

function rewritten(node: CorpusNode, source: string, { base, stages, all }: Surroundings): readonly string[] {
  const { value, args = [] } = node;
  switch (value.toLowerCase()) {
    case 'from': {
      const image = args[0] ?? '';
      const isOwn = stages.includes(image.toLowerCase()) || image === 'scratch';
      return [['FROM', isOwn ? image : base, ...args.slice(1)].join(' ')];
    }
    case 'run':
      return ['RUN ["/bin/true"]'];
    case 'user':
      return [/^[\d:]+$/.test(args[0] ?? '') ? source : 'USER worker'];
    case 'copy':
    case 'add':
      return isOffline(node, all) ? [source.replace(/--chown=(?![\d:]+\s)\S+/i, '--chown=worker:staff')] : [];
    case 'onbuild':
      return [];
    default:
      return [source];
  }
}

function isFrom({ value }: CorpusNode): boolean {
  return value.toLowerCase() === 'from';
}

function isOffline(node: CorpusNode, stages: readonly string[]): boolean {
  const from = fromOf(node);
  if (from !== undefined && !stages.includes(from) && !/^\d+$/.test(from)) return false;
  return !sourcesOf(node).some((source) => /^(https?:|git@|git:|ssh:|ftp:)|\.git(#|$)/.test(source));
}

function fromOf({ flags = [] }: CorpusNode): string | undefined {
  const flag = flags.find((each) => each.startsWith('--from='));
  return flag?.slice('--from='.length).toLowerCase();
}

function sourcesOf({ args = [] }: CorpusNode): readonly string[] {
  return args.slice(0, -1).filter((source) => !source.startsWith('<<'));
}

/** Makes at the end of a stage what others copy from it. */
function provided(copies: readonly CorpusNode[], stages: readonly string[], stage: number): readonly string[] {
  const wanted = copies.filter((copy) => {
    const from = fromOf(copy);
    return from !== undefined && stage >= 0 && (from === `${stage}` || from === stages[stage]);
  });
  const paths = [...new Set(wanted.flatMap(sourcesOf).map(madeUpName))].filter((path) => path !== undefined);
  return paths.flatMap((path) => {
    const place = posix.resolve('/', path);
    const [folder, file] = isFolderName(path) ? [place, posix.join(place, 'inside')] : [posix.dirname(place), place];
    const script = `mkdir -p '${folder}' && { [ -e '${file}' ] || echo '${file}' > '${file}'; }`;
    return ['USER 0', `RUN ${JSON.stringify(['/bin/sh', '-c', script])}`];
  });
}

function contextOf(copies: readonly CorpusNode[]): ReadonlyMap<string, FileSpec> {
  const files = new Map<string, FileSpec>();
  for (const source of copies.filter((copy) => fromOf(copy) === undefined).flatMap(sourcesOf)) {
    const path = madeUpName(source);
    if (path === undefined) continue;
    const place = posix.resolve('/', path).slice(1);
    const names = isFolderName(path)
      ? ['inside', '.hidden', 'below/deep.txt'].map((name) => posix.join(place, name))
      : [place];
    for (const name of names) files.set(name, { content: `${name}\n`, mode: name.endsWith('.sh') ? 0o755 : 0o644 });
  }
  return files;
}

/** One name that a pattern matches; none for what has variables. */
function madeUpName(source: string): string | undefined {
  if (/[$'"\\\0]/.test(source)) return undefined;
  return source
    .replaceAll(/\[(?!\^)(.)[^\]]*\]/g, '$1')
    .replaceAll('*', 'x')
    .replaceAll('?', 'y');
}

function isFolderName(path: string): boolean {
  return /(^|\/)\.{0,2}$/.test(path) || !/\.|[A-Z]/.test(posix.basename(path));
}
