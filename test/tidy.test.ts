import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { moduleOrder, pureModules } from './module-order.ts';

const root = join(import.meta.dirname, '..');
const src = join(root, 'src');

interface SourceFile {
  /** Path below `src/`. */
  readonly path: string;
  /** The folder below `src/`, or '' for `open.ts` and `main.ts`. */
  readonly module: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files = sourceFiles();

test('every file belongs to a module of the order', () => {
  const strays = files.filter((file) => !isWiring(file) && !moduleOrder.has(file.module)).map((file) => file.path);
  assert.deepEqual(strays, []);
});

test('a module imports only modules above it, and only through their doors', () => {
  const offences: string[] = [];
  for (const file of files.filter((each) => !isWiring(each))) {
    for (const specifier of file.imports.filter((each) => each.startsWith('.'))) {
      const target = relative(src, join(src, file.path, '..', specifier));
      const [module = '', ...rest] = target.split('/');
      if (module === file.module) continue;
      const allowed = moduleOrder.get(file.module)?.includes(module) ?? false;
      if (!allowed) offences.push(`${file.path}: may not import ${module}`);
      if (rest.join('/') !== 'index.ts' && !isSuite(file, rest)) offences.push(`${file.path}: ${target} is not a door`);
    }
  }
  assert.deepEqual(offences, []);
});

test('there is no import cycle, type-only ones included', () => {
  const edges = new Map(files.map((file) => [file.path, localTargets(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  assert.deepEqual(cycles, []);
});

test('pure modules touch no file, process, socket or clock', () => {
  const allowed = new Set(['node:crypto', 'node:zlib', 'node:buffer', 'node:stream', 'node:stream/web', 'node:util']);
  const clock = /\bDate\.now\(|new Date\(\)|\bprocess\.|\bsetTimeout\(|\bsetInterval\(/;
  const offences: string[] = [];
  for (const file of files.filter((each) => pureModules.includes(each.module) && !isTest(each))) {
    for (const specifier of file.imports) {
      if (!specifier.startsWith('.') && !allowed.has(specifier)) offences.push(`${file.path}: ${specifier}`);
    }
    if (clock.test(withoutComments(file.text))) offences.push(`${file.path}: reads a clock, a timer or the process`);
  }
  assert.deepEqual(offences, []);
});

test('only host calls the kernel or starts processes', () => {
  const offences = files
    .filter((file) => file.module !== 'host' && !isTest(file))
    .filter((file) => file.imports.some((each) => each === 'koffi' || each === 'node:child_process'))
    .map((file) => file.path);
  assert.deepEqual(offences, []);
});

test('only cli and main read the environment and arguments or write to the terminal', () => {
  const terminal = /\bprocess\.(env|argv|stdout|stderr|stdin)\b|\bconsole\./;
  const offences = files
    .filter((file) => !['cli', ''].includes(file.module) && !isTest(file))
    .filter((file) => terminal.test(withoutComments(file.text)))
    .map((file) => file.path);
  assert.deepEqual(offences, []);
});

test('a door holds re-exports and prose, no logic', () => {
  const offences = files
    .filter((file) => file.path.endsWith('/index.ts'))
    .filter((file) => /\b(function|class|const|let)\b/.test(withoutComments(file.text)))
    .map((file) => file.path);
  assert.deepEqual(offences, []);
});

test('names say what a file is for', () => {
  const vague = /(^|\/|-)(utils?|helpers?|common|manager|misc)(\.|-|\/)/;
  const offences = files
    .map((file) => file.path)
    .filter((path) => vague.test(path) || /[A-Z_]/.test(path.replaceAll('testdata', '')));
  assert.deepEqual(offences, []);
});

test('no work is left lying about: no TODO, no commented-out test, no skip without a reason', () => {
  const left = /\b(TODO|FIXME|XXX)\b|\b(test|it|describe)\.(skip|todo|only)\(|skip: true/;
  const offences = files.filter((file) => left.test(file.text)).map((file) => file.path);
  assert.deepEqual(offences, []);
});

function sourceFiles(): SourceFile[] {
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' });
  const paths = names.filter((name) => name.endsWith('.ts') && !name.includes('testdata/')).toSorted();
  return paths.map((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    return { path, module: path.includes('/') ? (path.split('/')[0] ?? '') : '', text, imports: importsOf(text) };
  });
}

function importsOf(text: string): string[] {
  const pattern = /^\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^\s*import\s+'([^']+)'/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function localTargets(file: SourceFile): string[] {
  const local = importsOf(file.text.replaceAll(/\bimport\(/g, '(')).filter((each) => each.startsWith('.'));
  return local.map((specifier) => relative(src, join(src, file.path, '..', specifier)));
}

function isWiring(file: SourceFile): boolean {
  return file.module === '';
}

function isTest(file: SourceFile): boolean {
  return /\.(test|suite|fixture)\.ts$/.test(file.path);
}

/** A test may reach another module's suite and fixtures. */
function isSuite(file: SourceFile, rest: readonly string[]): boolean {
  return isTest(file) && /\.(suite|fixture)\.ts$/.test(rest.join('/'));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');
}
