import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { formatLogTime, parseLogLine } from './container-log.ts';
import { readLog } from './log-reader.ts';
import type { ReadLogOptions } from './log-reader.ts';

const never = new AbortController().signal;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-log-'));
  path = join(folder, 'log');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('a line of the log has a time, a stream and bytes', () => {
  const record = parseLogLine(Buffer.from('2026-01-02T03:04:05.000000007+01:00 stderr F \xff x', 'latin1'));
  assert.equal(record?.stream, 'stderr');
  assert.equal(record?.bytes.toString('latin1'), '\xff x\n');
  assert.equal(formatLogTime(record?.time ?? { sec: 0, nsec: 0 }), '2026-01-02T02:04:05.000000007Z');
  const part = parseLogLine(Buffer.from('2026-01-02T03:04:05.5Z stdout P '));
  assert.deepEqual([part?.bytes.length, part?.time.nsec], [0, 500_000_000]);
});

test('what is no line of a log is passed over', () => {
  for (const line of ['', 'x', '2026-01-02T03:04:05.5Z stdin F x', '2026-99-02T03:04:05.5Z stdout F x']) {
    assert.equal(parseLogLine(Buffer.from(line)), undefined);
  }
});

test('parts join to what was written; half a line at the end is not there yet', async () => {
  write('P', 'a');
  write('P', 'b');
  write('F', 'c');
  write('P', '');
  appendFileSync(path, '2026-01-02T03:04:05.5Z stdout F cut o');
  assert.equal(await read({}), 'abc\n');
});

test('a log that is not there yet is empty', async () => {
  assert.equal(await read({ tail: 5 }), '');
});

test('the last lines are found from the end, whatever their length', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => `${index}${'x'.repeat(index % 100)}`);
  for (const line of lines) write('F', line);
  for (const tail of [0, 1, 2, 700, 4999, 5000, 6000]) {
    const wanted = tail === 0 ? [] : lines.slice(-tail);
    assert.equal(await read({ tail }), wanted.map((line) => `${line}\n`).join(''), `tail ${tail}`);
  }
});

test('a line in parts is one line, finished or not', async () => {
  write('F', 'one');
  write('P', 'tw');
  write('F', 'o');
  write('P', 'thr');
  write('P', 'ee');
  assert.equal(await read({ tail: 1 }), 'three');
  assert.equal(await read({ tail: 2 }), 'two\nthree');
  write('F', '');
  assert.equal(await read({ tail: 1 }), 'three\n');
});

test('nothing older than asked for', async () => {
  write('F', 'old', '2026-01-02T03:04:05.1Z');
  write('F', 'new', '2026-01-02T03:04:05.2Z');
  assert.equal(await read({ sinceMs: Date.parse('2026-01-02T03:04:05.200Z') }), 'new\n');
});

test('a followed log goes on until nobody writes any more, and loses nothing', async () => {
  write('F', 'first');
  let written = true;
  const seen: string[] = [];
  for await (const record of readLog(path, { follow: { isWritten: () => written }, signal: never })) {
    seen.push(record.bytes.toString());
    if (seen.length === 1) write('P', 'sec');
    if (seen.length === 2) {
      write('F', 'ond');
      write('F', 'last');
      written = false;
    }
  }
  assert.deepEqual(seen, ['first\n', 'sec', 'ond\n', 'last\n']);
});

test('following ends with the signal', async () => {
  write('F', 'first');
  const leaving = new AbortController();
  const seen: string[] = [];
  for await (const record of readLog(path, { follow: { isWritten: () => true }, signal: leaving.signal })) {
    seen.push(record.bytes.toString());
    setImmediate(() => leaving.abort());
  }
  assert.deepEqual(seen, ['first\n']);
});

test('an endless line is refused', async () => {
  writeFileSync(path, Buffer.alloc(2 ** 20 + 2 ** 17, 'x'));
  await assert.rejects(read({}), { code: 'corrupt' });
});

function write(tag: 'P' | 'F', text: string, time = '2026-01-02T03:04:05.678901234+00:00'): void {
  appendFileSync(path, `${time} stdout ${tag} ${text}\n`);
}

async function read(options: Partial<ReadLogOptions>): Promise<string> {
  let text = '';
  for await (const record of readLog(path, { follow: false, signal: never, ...options }))
    text += record.bytes.toString();
  return text;
}
