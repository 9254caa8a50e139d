import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalChmod, newDirectoryMode, parseChmod } from './chmod.ts';

/** What BuildKit makes of modes: the first line names them, `f` for files, `d` for directories. */
const table = `
             f644 f4755 f2711  f070  d755 d1777 d2711  d600
u=rwX,go=rX   644   755   755   755   755  1755   755   755
+x            755  4755  2711   171   755  1777  2711   711
a+X           644  4755  2711   171   755  1777  2711   711
u+s          4644  4755  6711  4070  4755  5777  6711  4600
g+s          2644  6755  2711  2070  2755  3777  2711  2600
+s           6644  6755  6711  6070  6755  7777  6711  6600
o+s           644  4755  2711    70   755  1777  2711   600
+t           1644  5755  3711  1070  1755  1777  3711  1600
o+t           644  4755  2711    70   755  1777  2711   600
u+t          1644  5755  3711  1070  1755  1777  3711  1600
u=g           444  4555  2111   770   555  1777  2111     0
g=u,o=g       666  4777  2777     0   777  1777  2777   666
u=go          444  4555  2111    70   555  1777  2111     0
go=u-w        644  4755  2755     0   755  1755  2755   644
=               0     0     0     0     0  1000     0     0
u=             44    55  2011    70    55  1077  2011     0
a=              0     0     0     0     0  1000     0     0
=rw,+X        666   777   777   777   777  1777   777   777
a-x+X         644  4755  2711   171   755  1777  2711   711
u+xs,g=xs    6714  6715  6711  6110  6715  7717  6711  6710
-x            644  4644  2600    60   644  1666  2600   600
-w+x          555  4555  2511   151   555  1555  2511   511
=t           1644  5755  3711  1070  1755  1777  3711  1600
ug=s         6004  6005  6001  6000  6005  7007  6001  6000
go+st        3644  7755  3711  3070  3755  3777  3711  3600
+rwX,-X       666  4666  2666   666   666  1666  2666   666
=X              0   111   111   111   111  1111   111   111
+u            666  4777  2777    70   777  1777  2777   666
u=rwx,g=s    2704  2705  2701  2700  2705  3707  2701  2700
=rwt         1644  5755  3711  1070  1755  1777  3711  1600
o+rwt,u=gx    146   157  2117   176   157  1177  2117   106
a=rX          444   555   555   555   555  1555   555   555
`;

const [head = '', ...rows] = table.trim().split('\n');
const modes = head.trim().split(/ +/);

for (const row of rows) {
  const [value = '', ...expected] = row.split(/ +/);
  test(`chmod ${value}: as BuildKit has it`, () => {
    const change = parseChmod(value);
    const got = modes.map((each) => change(Number.parseInt(each.slice(1), 8), each.startsWith('d')).toString(8));
    assert.deepEqual(got, expected);
  });
}

test('chmod: an octal value is the whole mode, however it is written', () => {
  for (const value of ['644', '0644', '00644']) {
    assert.equal(parseChmod(value)(0o7777, true), 0o644);
    assert.equal(canonicalChmod(value), '644');
  }
  assert.equal(canonicalChmod('u+x'), 'u+x');
});

test('chmod: directories on the way get the permissions of an octal value only', () => {
  assert.equal(newDirectoryMode('4700'), 0o700);
  assert.equal(newDirectoryMode('1777'), 0o755);
  assert.equal(newDirectoryMode('664'), 0o644);
  assert.equal(newDirectoryMode('u+s'), 0o755);
  assert.equal(newDirectoryMode(undefined), 0o755);
});

for (const value of ['8', '888', '0o7', '10000', '7x']) {
  test(`chmod ${value}: refused as a number`, () => {
    assert.throws(
      () => parseChmod(value),
      /invalid chmod parameter: '.*'\. it should be octal string and between 0 and 07777/,
    );
  });
}

for (const value of ['', 'u', 'ug', 'u+q', 'u=rwx,', ',u+x', 'u+x,,g+x', '-7']) {
  test(`chmod ${JSON.stringify(value)}: refused`, () => {
    assert.throws(() => parseChmod(value), /invalid chmod parameter: '.*'\. invalid syntax/);
  });
}
