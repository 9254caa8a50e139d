import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crun } from './crun-program.ts';
import { runc } from './runc-program.ts';
import { lastJsonError, lastTextError } from './runtime-log.ts';

test('the last error of a log is found, whatever stands beside it', () => {
  const lines = [
    '{"level":"error","msg":"first"}',
    '{"level":"error","msg":"last"}',
    '{"level":"info","msg":"x"}',
    'half {',
  ];
  assert.equal(lastJsonError(lines.join('\n')), 'last');
  assert.equal(lastTextError('first\nlast\n'), 'last');
  assert.equal(lastTextError('2024-02-03T04:05:06.789Z: last\n'), 'last');
  assert.deepEqual([lastJsonError(''), lastTextError('')], [undefined, undefined]);
});

test('runc: a command that is missing or cannot be executed is told from other failures', () => {
  const cases = [
    ['exec: "foo": executable file not found in $PATH', 127],
    ['exec: "/foo": stat /foo: no such file or directory', 127],
    ['exec: "a\\"b": executable file not found in $PATH', 127],
    ['exec: "/etc": permission denied', 126],
    ['exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory', 126],
    ['error during container init: mounting "/x" to rootfs: stat /x: no such file or directory', undefined],
    ['exec: "/foo": out of memory', undefined],
  ] as const;
  for (const [message, code] of cases) {
    assert.equal(runc.commandFailure(`unable to start container process: ${message}`, 'x')?.code, code, message);
  }
});

test('crun: a command that is missing or cannot be executed is told from other failures, in the same words', () => {
  const cases = [
    [
      'foo',
      'executable file `foo` not found in $PATH: No such file or directory',
      127,
      'executable file not found in $PATH',
    ],
    [
      '/foo',
      'executable file `/foo` not found in $PATH: No such file or directory',
      127,
      'stat /foo: no such file or directory',
    ],
    ['/etc', 'open executable: Operation not permitted', 126, 'permission denied'],
    ['/etc/passwd/x', 'open executable: Not a directory', 126, 'not a directory'],
    ['/text', 'exec container process `/text`: Exec format error', 126, 'exec format error'],
  ] as const;
  for (const [command, error, code, reason] of cases) {
    const wanted = { kind: 'not-started', code, message: `"${command}": ${reason}` };
    assert.deepEqual(crun.commandFailure(error, command), wanted);
  }
  const others = ['mount `/x` to `y`: No such file or directory', 'open executable: Out of memory'];
  for (const error of others) assert.equal(crun.commandFailure(error, '/x'), undefined, error);
});
