import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile, parseTrigger } from './dockerfile.ts';
import type { Expansion } from './expand.ts';
import type { RunInstruction } from './instruction.ts';
import { resolveMount } from './mount.ts';
import { formatPort, parsePorts } from './ports.ts';
import { runScript } from './run-script.ts';

for (const [text, message] of [
  ['RUN --network=foo x', 'invalid network mode "foo"'],
  ['RUN --network= x', 'invalid network mode ""'],
  ['RUN --security=foo x', 'security "foo" is not valid'],
  ['RUN --mout=type=cache x', 'unknown flag: --mout (did you mean mount?)'],
  ['RUN --mount=from=$x,target=/x x', "'from' doesn't support variable expansion, define alias stage instead"],
  ['RUN --device=a,b x', "invalid field 'b' must be a key=value pair"],
  ['RUN --device=a,b=c x', "unexpected key 'b' in 'b=c'"],
  ['RUN ["a",1]', 'when using JSON array syntax, arrays must be comprised of strings only'],
  ['RUN <<EOF\nx', 'unterminated heredoc'],
  ['COPY --link=maybe a b', 'expecting boolean value for flag --link, not: maybe'],
  ['COPY --link= a b', 'missing a value on flag: --link'],
  ['COPY --chown=a --chown=b a b', 'duplicate flag specified: --chown'],
  ['COPY --chmod 755 a b', 'missing a value on flag: --chmod'],
  ['COPY a <<EOF\nEOF', 'COPY cannot accept a heredoc as a destination'],
  ['HEALTHCHECK', 'HEALTHCHECK requires at least one argument'],
  ['HEALTHCHECK --interval=5 CMD x', 'time: missing unit in duration "5"'],
  ['HEALTHCHECK --interval=1d CMD x', 'time: unknown unit "d" in duration "1d"'],
  ['HEALTHCHECK --interval=.s CMD x', 'time: invalid duration ".s"'],
  ['HEALTHCHECK --interval=-1s CMD x', 'Interval "interval" cannot be less than 1ms'],
  ['HEALTHCHECK --interval=1us CMD x', 'Interval "interval" cannot be less than 1ms'],
  ['HEALTHCHECK --retries=x CMD x', 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['HEALTHCHECK --retries=99999999999 CMD x', 'strconv.ParseInt: parsing "99999999999": value out of range'],
  ['HEALTHCHECK --retries=-1 CMD x', '--retries cannot be negative (-1)'],
  ['HEALTHCHECK FOO x', 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
  ['HEALTHCHECK CMD []', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK NONE x', 'HEALTHCHECK NONE takes no arguments'],
  ['ENV A', 'ENV must have two arguments'],
  ['LABEL A=b "c', 'Syntax error - can\'t find = in "\\"c". Must be of the form: name=value'],
  ['ENV =b', 'ENV names can not be blank'],
  ['ARG a=1 =2', 'ARG names can not be blank'],
  ['SHELL foo', 'SHELL requires the arguments to be in JSON form'],
  ['SHELL []', 'SHELL requires at least one argument'],
  ['STOPSIGNAL', 'STOPSIGNAL requires exactly one argument'],
  ['MAINTAINER', 'MAINTAINER requires exactly one argument'],
  ['VOLUME [""]', 'VOLUME specified can not be an empty string'],
  ['VOLUME [ ]', 'VOLUME requires at least one argument'],
  ['ONBUILD', 'ONBUILD requires at least one argument'],
  ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
  ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ['FROM a as', 'FROM requires either one or three arguments'],
  ['FROM a BS b', 'FROM requires either one or three arguments'],
  ['FROM a AS 1b', 'invalid name for build stage: "1b", name can\'t start with a number or contain symbols'],
  ['FROM --platfrom=x a', 'unknown flag: --platfrom (did you mean platform?)'],
  ['RNU x', 'unknown instruction: RNU (did you mean RUN?)'],
  ['form x', 'unknown instruction: form (did you mean from?)'],
  ['--foo', 'unknown instruction: --foo'],
] as const) {
  test(`refused as by BuildKit: ${text}`, () => {
    const [first, ...others] = parseDockerfile(`FROM a\n${text}\n`).diagnostics;
    assert.equal(first?.message, message);
    assert.equal(first.instruction.start.line, 2);
    assert.deepEqual(others, []);
  });
}

for (const text of [
  'RUN',
  'CMD',
  'RUN [1e999',
  "RUN <<'EOF",
  'RUN echo <<- EOF',
  'STOPSIGNAL --x SIGTERM',
  'HEALTHCHECK --foo NONE',
  'HEALTHCHECK --retries= --interval=0 CMD x',
  'COPY [1e999,"b"] /x',
  'COPY --chown= a b',
  'ADD --unpack --keep-git-dir=TRUE a b',
  'ONBUILD FOO x',
  'USER a b',
  'FROM --platform= a',
  'ARG a=1 b c="x y"',
  'ENV a=b \\',
]) {
  test(`accepted as by BuildKit: ${text}`, () => {
    assert.deepEqual(parseDockerfile(`FROM a\n${text}\n`).diagnostics, []);
  });
}

for (const [text, expected] of [
  ['RUN ["a", "b"]', { kind: 'exec', args: ['a', 'b'] }],
  ['RUN a b', { kind: 'shell', script: 'a b' }],
  ['RUN <<EOF\na\nEOF', { kind: 'shell', script: 'a\n' }],
  ['RUN <<EOF\n#!/bin/x\na\nEOF', { kind: 'file', name: 'EOF', content: '#!/bin/x\na\n' }],
  ['RUN <<EOF cat\n#!a\nEOF', { kind: 'shell', script: '<<EOF cat\n#!a\nEOF' }],
  ['RUN <<A 3<<B\na\nA\nb\nB', { kind: 'shell', script: '<<A 3<<B\na\nA\nb\nB' }],
] as const) {
  test(`${JSON.stringify(text)} starts ${expected.kind}`, () => {
    const run = parseDockerfile(`FROM a\n${text}\n`).stages[0]?.instructions[0] as RunInstruction;
    assert.deepEqual(runScript(run), expected);
  });
}

for (const [text, expected] of [
  ['type=cache,target=/x', { type: 'cache', target: '/x', readOnly: false, required: false }],
  [
    'target=/x,from=a,src=/y,rw',
    { type: 'bind', target: '/x', from: 'a', source: '/y', readOnly: false, required: false },
  ],
  [
    'type=tmpfs,dst=/x,size=1.5g',
    { type: 'tmpfs', target: '/x', sizeBytes: 1.5 * 2 ** 30, readOnly: false, required: false },
  ],
  [
    'type=secret,id=k,required,env=E,mode=0440,uid=3',
    { type: 'secret', id: 'k', required: true, env: 'E', mode: 0o440, uid: 3, readOnly: true },
  ],
  ['type=foo', 'unsupported mount type "foo"'],
  ['type=cache,tarrget=/x', "unexpected key 'tarrget' in 'tarrget=/x' (did you mean target?)"],
  ['type=cache,required', "unexpected key 'required' for mount type 'cache'"],
  ['type=tmpfs,size=1x', 'invalid value for size: 1x'],
  ['type=cache,mode=9', 'invalid value 9 for mode'],
  ['type=tmpfs,mode=0777', 'mode not allowed for "tmpfs" type mounts'],
  ['type=secret', 'invalid secret mount. one of source, target required'],
  ['type=cache,sharing=lock', 'unsupported sharing value "lock" (did you mean locked?)'],
  ['sharing=locked', 'invalid cache sharing set for bind mount'],
  ['size=1m,type=tmpfs', "unexpected key 'size' for mount type 'bind'"],
  ['ro=maybe', 'invalid value for ro: maybe'],
  ['a,,b', "invalid field 'a' must be a key=value pair"],
] as const) {
  test(`--mount=${text}`, () => {
    const run = parseDockerfile(`FROM a\nRUN --mount=${text} x\n`).stages[0]?.instructions[0] as RunInstruction;
    const result = resolveMount(run.mounts[0] ?? assert.fail(), asWritten);
    assert.deepEqual(result.kind === 'mount' ? result.mount : result.message, expected);
  });
}

function asWritten(value: string): Expansion {
  return { kind: 'expanded', value, used: new Set(), unset: new Set() };
}

test('an ONBUILD trigger holds its here-documents and is read by itself', () => {
  const { stages } = parseDockerfile('FROM a\nONBUILD COPY <<EOF /x\nhi\nEOF\n');
  const [onbuild] = stages[0]?.instructions ?? [];
  assert.ok(onbuild?.kind === 'onbuild');
  assert.equal(onbuild.trigger, 'COPY <<EOF /x\nhi\nEOF');
  const trigger = parseTrigger(onbuild.trigger);
  assert.ok(trigger.kind === 'instruction' && trigger.instruction.kind === 'copy');
  assert.equal(trigger.instruction.inlineFiles[0]?.content, 'hi\n');
  for (const bad of ['', 'FROM x', 'RUN a\nRUN b', 'FOO', 'ONBUILD RUN x']) {
    assert.equal(parseTrigger(bad).kind, 'invalid', bad);
  }
});

for (const [spec, expected] of [
  ['80', '80/tcp'],
  ['80/UDP', '80/udp'],
  ['80/', '80/tcp'],
  ['8000-8002/sctp', '8000/sctp 8001/sctp 8002/sctp'],
  ['1-2:80', '80/tcp'],
  ['[::1]:80:90', '90/tcp'],
  ['abc', 'invalid containerPort: abc'],
  ['90-80', 'invalid containerPort: 90-80'],
  ['65536', 'invalid containerPort: 65536'],
  ['80/foo', 'invalid port: "80/foo": invalid proto: foo'],
  ['/tcp', 'invalid port: "/tcp": no port specified'],
  ['x:80', 'invalid hostPort: x'],
  ['80:90-91', 'invalid ranges specified for container and host Ports: 90-91 and 80'],
  ['1.2.3.4.5:80:80', 'invalid IP address: 1.2.3.4.5'],
  ['localhost:1234:1234/tcp', 'invalid IP address: localhost'],
] as const) {
  test(`EXPOSE ${spec} gives ${expected}`, () => {
    const result = parsePorts(spec);
    assert.equal(result.kind === 'ports' ? result.ports.map(formatPort).join(' ') : result.message, expected);
  });
}
