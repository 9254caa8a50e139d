import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandFailure } from './runtime-log.ts';

test('a command that is missing or cannot be executed is told from other failures', () => {
  const start = 'runc run failed: unable to start container process: ';
  const cases = [
    ['exec: "foo": executable file not found in $PATH', 127],
    ['exec: "/foo": stat /foo: no such file or directory', 127],
    ['exec: "a\\"b": executable file not found in $PATH', 127],
    ['exec: "/etc": permission denied', 126],
    ['exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory', 126],
    ['error during container init: mounting "/x" to rootfs: stat /x: no such file or directory', undefined],
    ['exec: "/foo": out of memory', undefined],
  ] as const;
  for (const [message, code] of cases) assert.equal(commandFailure(start + message)?.code, code, message);
});
