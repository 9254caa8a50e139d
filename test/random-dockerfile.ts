/**
 * Whole builds made up from a number: the same number always gives the same build. Few paths, names and variables are
 * used over and over, so that what instructions do meets: a folder is replaced by a link that a later COPY goes through, a
 * file is deleted and made again two stages on. Most instructions succeed; commands of a RUN may fail one by one.
 */
import { randomChoices, type Choices } from './random-choices.ts';
import { randomContext, type ContextFile } from './random-context.ts';
import { randomRun } from './random-run.ts';

export interface RandomBuild {
  readonly dockerfile: string;
  /** Of an image that some builds stand on besides the base of all; it leaves triggers. */
  readonly triggering: string | undefined;
  readonly ignore: string | undefined;
  readonly files: readonly ContextFile[];
  /** Of the build, without the context. */
  readonly args: readonly string[];
}

export interface RandomBases {
  readonly base: string;
  readonly triggering: string;
}

export function randomBuild(seed: number, bases: RandomBases): RandomBuild {
  const choices = randomChoices(seed);
  const withTriggers = choices.chance(0.15);
  const files = randomContext(choices);
  const stages = stagesOf(choices, { ...bases, withTriggers });
  return {
    dockerfile: [...headOf(choices), ...stages, ''].join('\n'),
    triggering: withTriggers ? triggeringOf(choices, bases.base) : undefined,
    ignore: choices.chance(0.4) ? ignoreOf(choices) : undefined,
    files,
    args: argsOf(choices),
  };
}

/** What an instruction may refer to at its place. */
interface Place {
  readonly choices: Choices;
  /** Stages before this one. */
  readonly stages: readonly string[];
  /** Counts the files that steps write, so that no two steps are the same. */
  readonly step: number;
}

function headOf(choices: Choices): readonly string[] {
  const lines: string[] = [];
  if (choices.chance(0.1)) lines.push('# a comment first');
  lines.push('ARG GLOBAL=global', 'ARG TAIL="${GLOBAL}-tail"');
  if (choices.chance(0.2)) lines.push('ARG ONE=1 TWO="2 2"');
  return lines;
}

function stagesOf(choices: Choices, bases: RandomBases & { readonly withTriggers: boolean }): readonly string[] {
  const names: string[] = [];
  const lines: string[] = [];
  const count = choices.pick([1, 1, 2, 2, 3, 4]);
  for (let index = 0; index < count; index++) {
    const last = index === count - 1;
    const scratch = !last && choices.chance(0.1);
    const from = scratch ? 'scratch' : baseOf(choices, { ...bases, names: names.filter((name) => name !== 'empty') });
    const name = scratch ? 'empty' : `s${index}`;
    lines.push(`FROM ${from} AS ${choices.chance(0.2) ? name.toUpperCase() : name}`);
    const length = 3 + choices.below(8);
    for (let step = 0; step < length; step++) {
      const place = { choices, stages: names, step: index * 100 + step };
      lines.push(scratch ? copyLine(place) : instructionOf(place));
    }
    if (!scratch) lines.push(...lastWords(choices, index));
    names.push(name);
  }
  return lines;
}

function baseOf(
  choices: Choices,
  options: RandomBases & { readonly withTriggers: boolean; readonly names: readonly string[] },
): string {
  const { base, triggering, withTriggers, names } = options;
  if (withTriggers && choices.chance(0.5)) return triggering;
  return names.length > 0 && choices.chance(0.4) ? choices.pick(names) : base;
}

/** So that what is in the environment shows in the tree. */
function lastWords(choices: Choices, index: number): readonly string[] {
  if (choices.chance(0.3)) return [];
  return [
    'USER root',
    'SHELL ["/bin/sh", "-c"]',
    `RUN env | grep -v ^HOSTNAME= | grep -v ^SHLVL= | sort > /env-${index}`,
  ];
}

function instructionOf(place: Place): string {
  const { choices } = place;
  const roll = choices.below(100);
  if (roll < 32) return randomRun(choices, place);
  if (roll < 58) return copyLine(place);
  if (roll < 64) return addLine(choices);
  if (roll < 70) return workdirLine(choices);
  if (roll < 75) return `ENV ${assignments(choices)}`;
  if (roll < 79) return `ARG ${argOf(choices)}`;
  return metadataLine(choices);
}

const variables = ['A', 'B', 'LONG', 'GLOBAL', 'TAIL', 'UNSET', 'PATH', 'P1', 'TARGETARCH', 'ONE'];

export function randomWord(choices: Choices): string {
  const name = choices.pick(variables);
  return choices.pick([
    `$${name}`,
    `\${${name}}`,
    `\${${name}:-default}`,
    `\${${name}-$A}`,
    `\${${name}:+set}`,
    `\${${name}+\${B:-b}}`,
    `\${${name}#g*o}`,
    `\${${name}##*/}`,
    `\${${name}%b*l}`,
    `\${${name}%%/*}`,
    `\${${name}/l/L}`,
    `\${${name}//[ab]/_}`,
    `\\$${name}`,
    `'$${name}'`,
    `"$${name} x"`,
    `pre$${name}post`,
    `a\\ b`,
    `"q\\"q"`,
    `'s"s'`,
    'plain',
    '""',
    'a=b',
    'ünï',
  ]);
}

function assignments(choices: Choices): string {
  if (choices.chance(0.15)) return `LONG ${randomWord(choices)} and ${randomWord(choices)}`;
  return choices
    .some(['A', 'B', 'LONG', 'P1', 'GLOBAL'], 3)
    .map((name) => `${name}=${randomWord(choices)}`)
    .join(' ');
}

function argOf(choices: Choices): string {
  return choices.pick([
    'GLOBAL',
    'TAIL',
    'A',
    `A=${randomWord(choices)}`,
    `B=${randomWord(choices)}`,
    'GIVEN',
    'GIVEN=default',
    'TARGETARCH',
    'TARGETPLATFORM BUILDOS=mine',
    `A=1 B=$A LONG=${randomWord(choices)}`,
    'ONE TWO',
    'HTTP_PROXY',
  ]);
}

function workdirLine(choices: Choices): string {
  const folders = [
    '/w',
    '/w/a',
    'a',
    'rel/b',
    '..',
    '/w/c/new',
    '/base/dir',
    '/base/todir',
    '/x y',
    '/$GLOBAL/d',
    '.',
    '/',
  ];
  return `WORKDIR ${choices.pick(folders)}`;
}

function metadataLine(choices: Choices): string {
  return choices.pick([
    () =>
      `LABEL ${choices
        .some(['a', 'b.c', '"q r"'], 2)
        .map((key) => `${key}=${randomWord(choices)}`)
        .join(' ')}`,
    () => `EXPOSE ${choices.some(['80', '443/tcp', '53/udp', '8000-8002', '80/tcp', '${GIVEN:-99}'], 3).join(' ')}`,
    () =>
      `USER ${choices.pick(['root', '0', '1000', '1000:1000', 'worker', 'worker:staff', ':staff', '1000:0', '${UNSET:-worker}'])}`,
    () => `VOLUME ${choices.pick(['/vol', '["/vol", "/v 2"]', '/vol /w/a', '/$GLOBAL'])}`,
    () => `CMD ${choices.pick(['["a", "b"]', 'echo $A "b"', '[]', '["only"]', 'a   b'])}`,
    () => `ENTRYPOINT ${choices.pick(['["e"]', 'run $A', '[]', '["e", "ü"]'])}`,
    () => `STOPSIGNAL ${choices.pick(['SIGTERM', '9', 'SIGRTMIN+3', '${UNSET:-SIGINT}'])}`,
    () => `SHELL ${choices.pick(['["/bin/sh", "-c"]', '["/bin/sh", "-ec"]', '["/bin/busybox", "ash", "-xc"]'])}`,
    () =>
      `HEALTHCHECK ${choices.pick(['NONE', 'CMD true', '--interval=5s --timeout=1m30s CMD ["a"]', '--retries=3 --start-period=0s --start-interval=2s CMD a b'])}`,
    () => 'MAINTAINER Some One <one@example.org>',
    () => `ONBUILD ${choices.pick(['RUN true', 'COPY . /ob', 'ENV A=onbuild', 'LABEL l=$A'])}`,
    () => `# ${choices.pick(['comment', 'RUN nothing'])}\n`,
  ])();
}

const contextSources = [
  'one',
  'dir',
  'dir/',
  'dir/sub',
  'dir/*',
  '*.txt',
  'o?e',
  '.',
  'dir/sub/..',
  './one',
  '/one',
  'link',
  'dirlink',
  'dirlink/',
  'with space',
  '.hidden',
  'st\\*r',
  'br\\[ack\\]et',
  'ünï',
  'dir/[a-c]*',
  '[^d]*',
  '*/sub',
  '-dash',
  'exe',
  'hard*',
  'deep/er/est',
  'deep',
  'archive.tar',
  'in-link',
  'empty',
] as const;

const targets = [
  '/w/',
  '/w/a/',
  '/w/a',
  '/t/',
  '/t/$GLOBAL/',
  './',
  '.',
  'rel/',
  '/base/todir/',
  '/base/todir',
  '/base/dir/',
  '/base/file',
  '/base/dangling',
  '/w/c',
  '/new/path/',
  '/new2/file',
  '/',
  '/sp ace/',
  '/ünï/',
  '/base/dangling/x/',
] as const;

function copyLine(place: Place): string {
  const { choices, stages } = place;
  if (choices.chance(0.12)) return copyHeredoc(choices);
  const from = stages.length > 0 && choices.chance(0.45) ? choices.pick(stages) : undefined;
  const flags = [
    ...(from === undefined ? [] : [`--from=${fromName(choices, { stages, from })}`]),
    ...copyFlags(choices),
  ];
  const pool = from === undefined ? contextSources : stageSources;
  const sources = choices.some(pool, choices.chance(0.7) ? 1 : 3);
  const link = flags.includes('--link');
  const target = link
    ? `/linked${place.step}/`
    : sources.length > 1
      ? slashed(choices.pick(targets))
      : choices.pick(targets);
  if (choices.chance(0.12) || /[ ]/.test([...sources, target].join(''))) {
    return ['COPY', ...flags, JSON.stringify([...sources, target])].join(' ');
  }
  return ['COPY', ...flags, ...sources, target].join(' ');
}

const stageSources = [
  '/w',
  '/w/',
  '/w*',
  '/base',
  '/bas*/*',
  '/base/dir',
  '/base/todir',
  '/base/todir/',
  '/base/file',
  '/base/hard*',
  '/base/[d-l]*',
  'base/./dir',
  '/base/setuid',
  '/base/link',
  '/e*',
  '/etc/passwd',
  '/base/d*',
  '/base/dir/../file',
] as const;

function fromName(
  choices: Choices,
  { stages, from }: { readonly stages: readonly string[]; readonly from: string },
): string {
  return choices.pick([from, from, from.toUpperCase(), `${stages.indexOf(from)}`]);
}

function copyFlags(choices: Choices): readonly string[] {
  const flags: string[] = [];
  if (choices.chance(0.25))
    flags.push(
      `--chown=${choices.pick(['1000', '1000:50', 'worker', 'worker:staff', ':staff', '0:0', 'root', '${UNSET:-7}:8'])}`,
    );
  if (choices.chance(0.2))
    flags.push(
      `--chmod=${choices.pick(['644', '0755', '4711', '1777', 'u=rwX,go=rX', 'a+x', 'go-w', '0', '${UNSET:-600}'])}`,
    );
  if (choices.chance(0.15))
    flags.push(`--exclude=${choices.pick(['*.txt', 'sub', '**/b*', 'dir/sub', 'one', '**/*.md'])}`);
  if (choices.chance(0.1) && !flags.some((flag) => /=(worker|root|:staff)/.test(flag))) flags.push('--link');
  return choices.shuffled(flags);
}

function copyHeredoc(choices: Choices): string {
  const word = choices.pick(['EOF', '"EOF"', "'EOF'", '-EOF', '-"EOF"']);
  const body = choices.some(
    ['text $A', '\ttabbed ${B:-x}', '', 'back\\slash \\$A', '"quoted" \'single\'', '# no comment', '  blanks  '],
    4,
  );
  const target = choices.pick(['/here', '/w/here', '/t/', 'rel-here']);
  const flags = choices.chance(0.3) ? '--chmod=0700 ' : '';
  return [`COPY ${flags}<<${word} ${target}`, ...body, 'EOF'].join('\n');
}

function addLine(choices: Choices): string {
  const sources = ['archive.tar', 'archive.tgz', 'archive*', 'one', 'dir', 'broken.tar', 'exe', 'dirlink', '*.txt'];
  const flags = copyFlags(choices).filter((flag) => flag !== '--link');
  return ['ADD', ...flags, JSON.stringify([choices.pick(sources), slashed(choices.pick(targets))])].join(' ');
}

function slashed(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function triggeringOf(choices: Choices, base: string): string {
  const triggers = choices.some(
    [
      'ENV TRIGGERED=$A',
      'RUN echo triggered > /triggered',
      'COPY dir /triggered-dir',
      'WORKDIR /trig',
      'ARG GIVEN=trigger',
      'USER worker',
      'ADD archive.tar /trig-add/',
      'LABEL from=trigger',
    ],
    4,
  );
  return [
    `FROM ${base}`,
    'ENV A=triggering',
    ...triggers.map((trigger) => `ONBUILD ${trigger}`),
    'CMD ["trig"]',
    '',
  ].join('\n');
}

function ignoreOf(choices: Choices): string {
  const lines = [
    '*.md',
    'dir/sub',
    '!dir/sub/keep*',
    '**/b*',
    '# comment',
    '',
    'deep/**',
    '!deep/er/est',
    '/one',
    'ünï/',
    'st*r',
    'nothing',
    '  .hidden  ',
    'Dockerfile',
    '.dockerignore',
    '!dir',
    '!one',
    '!archive*',
  ];
  return `${choices.some(lines, 6).join('\n')}\n`;
}

function argsOf(choices: Choices): readonly string[] {
  const args: string[] = [];
  if (choices.chance(0.4)) args.push('--build-arg', `GIVEN=${choices.pick(['given', '', 'a b'])}`);
  if (choices.chance(0.2)) args.push('--build-arg', 'A=fromargs');
  if (choices.chance(0.15)) args.push('--build-arg', 'GLOBAL=outer');
  if (choices.chance(0.1)) args.push('--label', 'extra=label');
  if (choices.chance(0.1)) args.push('--target', 's0');
  return args;
}
