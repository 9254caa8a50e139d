import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeEngine, type FakeEngine } from './fake-engine.fixture.ts';
import { assertGolden, runCli } from './terminal.fixture.ts';

type Checked = FakeEngine['checked'];

const place = { start: { line: 2, column: 1 }, end: { line: 3, column: 5 } };
const finding: Checked['findings'][number] = {
  rule: 'JSONArgsRecommended',
  description: 'JSON arguments recommended',
  page: 'docs/checks/json-args-recommended.md',
  message: 'JSON arguments recommended for CMD',
  span: place,
  instruction: place,
  excerpt: 'ctx/Dockerfile:2\n--------------------\n   2 | >>> CMD \\\n   3 | >>>   a\n--------------------',
};
const error: Checked['errors'][number] = {
  message: 'invalid stage index 7',
  instruction: place,
  excerpt: 'ctx/Dockerfile:2:6\n--------------------\n   2 | >>> COPY --from=7 a b\n--------------------',
};

async function check(checked: Partial<Checked>, ...args: string[]): Promise<{ code: number; stdout: string }> {
  const fake = createFakeEngine();
  fake.checked = { ...fake.checked, ...checked };
  const { code, stdout } = await runCli(['build', '--check', ...args, 'ctx'], { fake });
  return { code, stdout };
}

test('build --check: nothing found', async () => {
  assert.deepEqual(await check({}), { code: 0, stdout: 'Check complete, no warnings found.\n' });
  const { code, stdout } = await check({}, '--format', 'json');
  const data = Buffer.from('FROM scratch\n').toString('base64');
  const source = { filename: 'ctx/Dockerfile', data, language: 'Dockerfile' };
  assert.deepEqual([code, JSON.parse(stdout)], [0, { warnings: null, sources: [source] }]);
});

test('build --check: findings and errors, as text and as JSON', async () => {
  const text = await check({ findings: [finding, finding], errors: [error, { ...error, hint: 'count again' }] });
  assert.equal(text.code, 1);
  assertGolden('build-check.txt', text.stdout);
  const json = await check({ findings: [finding], errors: [error, error] }, '--format=json');
  assert.equal(json.code, 1);
  assertGolden('build-check-json.txt', json.stdout);
});

test('build --check: a file that wants to fail because of its findings', async () => {
  const { code, stdout } = await check({ findings: [finding], failed: true });
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^Check complete, 1 warning has been found!\n\n[^]*\n\nERROR: lint violation found for rules: JSONA/,
  );
});

test('warnings of no step are told once more when a build ends in plain lines', async () => {
  const fake = createFakeEngine();
  const messages = ['one (line 1)', 'two (line 2)'];
  fake.buildEvents = messages.map((message) => ({ kind: 'warning', step: undefined, message }));
  const { stderr } = await runCli(['build', '--progress=plain', '.'], { fake });
  assert.match(stderr, /^WARNING: one \(line 1\)\nWARNING: two \(line 2\)\n/);
  assert.match(stderr, /\n 2 warnings found:\n - one \(line 1\)\n - two \(line 2\)\n$/);
});

test('build --format is refused without --check', async () => {
  const { code, stderr } = await runCli(['build', '--format', 'json', '.']);
  assert.deepEqual([code, stderr], [1, 'ERROR: --format is for --check alone\n']);
});
