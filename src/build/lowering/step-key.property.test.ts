import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildOptions } from '../build-options.ts';
import { randomNumbers } from '../../std/random-numbers.fixture.ts';
import { planBuild } from './planned-build.fixture.ts';

/** A Dockerfile and the options of its build, to be changed in one way or another. */
interface Build {
  readonly head: readonly string[];
  readonly run: string;
  readonly options: Partial<BuildOptions>;
}

type Change = (build: Build) => Build;

const original: Build = {
  head: ['FROM base', 'ARG USED=1', 'ENV A=1 B=2', 'WORKDIR /w', 'USER 1000'],
  run: 'RUN make all',
  options: { buildArgs: new Map([['USED', '2']]) },
};

const withLine =
  (line: string): Change =>
  (build) => ({ ...build, head: [...build.head, line] });
const withArgs =
  (...args: readonly (readonly [string, string])[]): Change =>
  (build) => ({
    ...build,
    options: { ...build.options, buildArgs: new Map([...(build.options.buildArgs ?? []), ...args]) },
  });
const withRun =
  (run: string): Change =>
  (build) => ({ ...build, run });
const withOptions =
  (options: Partial<BuildOptions>): Change =>
  (build) => ({ ...build, options: { ...build.options, ...options } });

/** What the command cannot notice. */
const ofNoEffect: Readonly<Record<string, Change>> = {
  'a comment': withLine('# a comment'),
  'an empty line': withLine(''),
  'a label': withLine('LABEL a=b'),
  'a port': withLine('EXPOSE 80'),
  'a command': withLine('CMD ["x"]'),
  'an entrypoint': withLine('ENTRYPOINT ["x"]'),
  'a signal': withLine('STOPSIGNAL SIGINT'),
  'a check of health': withLine('HEALTHCHECK CMD true'),
  'a trigger': withLine('ONBUILD RUN other'),
  'a maintainer': withLine('MAINTAINER me'),
  'the same variable again': withLine('ENV A=1'),
  'a variable set to another and back': (build) => withLine('ENV A=1')(withLine('ENV A=3')(build)),
  'an argument without a value': withLine('ARG EMPTY'),
  'an argument that nothing declares': withArgs(['UNUSED', '1']),
  'a proxy': withArgs(['HTTP_PROXY', 'http://proxy.example']),
  'a name for the image': withOptions({ tags: ['x'] }),
  'a label of the build': withOptions({ labels: new Map([['a', 'b']]) }),
  'the case of the instruction': withRun('run make all'),
  'a continued line': withRun('RUN make \\\nall'),
  'more jobs': withOptions({ jobs: 7 }),
};

/** What the command can notice. */
const ofEffect: Readonly<Record<string, Change>> = {
  'another command': withRun('RUN make one'),
  'a blank within the command': withRun("RUN make  'all'"),
  'the exec form': withRun('RUN ["make", "all"]'),
  'the words of the exec form': withRun('RUN ["make all"]'),
  'a here-document': withRun('RUN <<EOF\nmake all\nEOF'),
  'the name of a here-document': withRun('RUN cat <<file\nmake all\nfile'),
  'a variable': withLine('ENV C=1'),
  'a value': withLine('ENV A=2'),
  'an empty value': withLine('ENV A='),
  'a variable whose name takes a letter of the value': withLine('ENV A1='),
  'an argument that is declared': withArgs(['USED', '3']),
  'a declared default': withLine('ARG MORE=1'),
  'a platform argument': withLine('ARG TARGETARCH'),
  'a proxy that is declared': (build) => withLine('ARG HTTP_PROXY')(withArgs(['HTTP_PROXY', 'http://x'])(build)),
  'the folder': withLine('WORKDIR /other'),
  'the user': withLine('USER 1001'),
  'the group': withLine('USER 1000:5'),
  'the shell': withLine('SHELL ["/bin/bash", "-c"]'),
  'the network': withRun('RUN --network=none make all'),
  'the network of the build': withOptions({ network: 'none' }),
};

/** The record of the RUN, which with what lies below is its key. */
async function keyOf({ head, run, options }: Build): Promise<string> {
  using plan = planBuild([...head, run, ''].join('\n'), options);
  const stage = await plan.lowering.target(plan.dockerfile.stages[0] as never);
  const { record } = stage.tip;
  assert.ok(typeof record === 'object', 'the record of a RUN without mounts is known beforehand');
  return record.digest;
}

test('equal effects share a key: any changes that a command cannot notice, together', async () => {
  const expected = await keyOf(original);
  for (const [name, change] of Object.entries(ofNoEffect)) assert.equal(await keyOf(change(original)), expected, name);
  for (const names of someSubsets(Object.keys(ofNoEffect), 200)) {
    assert.equal(await keyOf(applied(names, ofNoEffect)), expected, names.join(', '));
  }
});

test('any change of effect changes the key, whatever else is changed', async () => {
  const unchanged = await keyOf(original);
  const harmless = someSubsets(
    Object.keys(ofNoEffect).filter((name) => !/instruction|continued/.test(name)),
    10,
  );
  for (const [name, change] of Object.entries(ofEffect)) {
    assert.notEqual(await keyOf(change(original)), unchanged, name);
    for (const names of harmless) assert.notEqual(await keyOf(change(applied(names, ofNoEffect))), unchanged, name);
  }
});

test('no two changes of different effect have the same key', async () => {
  const keys = new Map<string, string>();
  const { 'the network of the build': same, ...different } = ofEffect;
  assert.equal(await keyOf(same?.(original) ?? original), await keyOf(ofEffect['the network']?.(original) ?? original));
  for (const [name, change] of Object.entries(different)) {
    const key = await keyOf(change(original));
    assert.equal(keys.get(key), undefined, `${name} and ${keys.get(key)}`);
    keys.set(key, name);
  }
});

function applied(names: readonly string[], changes: Readonly<Record<string, Change>>): Build {
  return names.reduce((build, name) => changes[name]?.(build) ?? build, original);
}

/** The same each time. */
function someSubsets(names: readonly string[], count: number): readonly (readonly string[])[] {
  const next = randomNumbers(1);
  return Array.from({ length: count }, () => names.filter(() => next() < 0.5));
}
