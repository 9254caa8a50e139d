import assert from 'node:assert/strict';
import { test } from 'node:test';
import { list, parseFlags, text, toggle } from './flags.ts';

const declared = {
  all: toggle('', { short: 'a' }),
  quiet: toggle('', { short: 'q' }),
  pause: toggle('', { initial: true }),
  name: text('', { short: 'n' }),
  network: text('', { choices: ['host', 'none'] }),
  env: list('', { short: 'e' }),
};
const nothing = { all: false, quiet: false, pause: true, name: undefined, network: undefined, env: [] };

/** Arguments, what differs from no flags at all, and the operands: as Docker's parser reads them. */
const read: readonly (readonly [string, object, readonly string[]])[] = [
  ['', {}, []],
  ['x y', {}, ['x', 'y']],
  ['-a x', { all: true }, ['x']],
  ['x -a', { all: true }, ['x']],
  ['-aq', { all: true, quiet: true }, []],
  ['--all=false', { all: false }, []],
  ['-a=0', { all: false }, []],
  ['--pause=false', { pause: false }, []],
  ['--name v', { name: 'v' }, []],
  ['--name=v=w', { name: 'v=w' }, []],
  ['--name=', { name: '' }, []],
  ['--name -a', { name: '-a' }, []],
  ['-n v', { name: 'v' }, []],
  ['-nv', { name: 'v' }, []],
  ['-n=v', { name: 'v' }, []],
  ['-aqn v', { all: true, quiet: true, name: 'v' }, []],
  ['-n a -n b', { name: 'b' }, []],
  ['-e A=1 -eB --env=C=2', { env: ['A=1', 'B', 'C=2'] }, []],
  ['--network host', { network: 'host' }, []],
  ['-a -- -q --frob', { all: true }, ['-q', '--frob']],
  ['-', {}, ['-']],
];

for (const [line, changes, operands] of read) {
  test(`'${line}' is read as Docker reads it`, () => {
    const args = line === '' ? [] : line.split(' ');
    assert.deepEqual(parseFlags(args, declared, { stopAtOperand: false }), {
      flags: { ...nothing, ...changes },
      operands,
    });
  });
}

test('flags stop at the first operand where what follows has flags of its own', () => {
  const { flags, operands } = parseFlags(['-a', 'image', 'ls', '-q', '--', '--name'], declared, {
    stopAtOperand: true,
  });
  assert.deepEqual(flags, { ...nothing, all: true });
  assert.deepEqual(operands, ['image', 'ls', '-q', '--', '--name']);
});

const refused: readonly (readonly [string, string])[] = [
  ['--frob', 'unknown flag: --frob'],
  ['--frob=1', 'unknown flag: --frob'],
  ['--constructor', 'unknown flag: --constructor'],
  ['-az', "unknown shorthand flag: 'z' in -az"],
  ['--name', 'flag needs an argument: --name'],
  ['-an', "flag needs an argument: 'n' in -an"],
  ['--all=maybe', 'invalid argument "maybe" for "--all" flag: neither true nor false'],
  ['--network bridge', 'invalid argument "bridge" for "--network" flag: must be one of host, none'],
];

for (const [line, message] of refused) {
  test(`'${line}' is refused: ${message}`, () => {
    assert.throws(() => parseFlags(line.split(' '), declared, { stopAtOperand: false }), {
      name: 'Fault',
      code: 'invalid',
      message,
    });
  });
}
