import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { nameInDisposition, nameInUrl } from './file-name.ts';
import { parseHttpTime } from './http-time.ts';
import { parseWebUrl, shownUrl } from './web-url.ts';

/** As the real builder names them. */
const urls = `
http://h/file.txt | file.txt
http://h/a/b/c.tar.gz?x=/y.z#/f | c.tar.gz
http://h/some/dir/ | dir
http://h/ | __unnamed__
http://h | __unnamed__
http://h/a%20b%2Fc.txt | c.txt
http://h/%2e%2e | __unnamed__
http://h/..%2f..%2f.. | __unnamed__
http://h/a%00b | __unnamed__
http://h/%zz | %zz
`;

for (const line of urls.trim().split('\n')) {
  const [url = '', name] = line.split(' | ');
  test(`the name of a download: ${line}`, () => assert.equal(nameInUrl(url), name));
}

const dispositions = `
attachment; filename="x.txt" | x.txt
attachment; filename=x.txt | x.txt
inline;filename = "a b.txt"; size=3 | a b.txt
attachment; filename="../../x" | x
attachment; filename="/etc/passwd" | passwd
attachment; filename=".." |
attachment; filename="." |
attachment; filename="" |
attachment; filename="dir/" |
attachment; filename="a\\"b" | a"b
attachment; filename="x"; filename*=UTF-8''%e2%82%ac | €
attachment; filename*=UTF-8''..%2f..%2fy | y
attachment; filename*=UTF-8''%00 |
attachment |
filename.txt |
`;

for (const line of dispositions.trim().split('\n')) {
  const [header, name = ''] = line.split(/ \| ?| \|$/);
  test(`the name in Content-Disposition: ${line}`, () => {
    assert.equal(nameInDisposition(header?.trim()), name === '' ? undefined : name);
  });
}

test('a name longer than a file may have is none', () => {
  assert.equal(nameInDisposition(`attachment; filename="${'€'.repeat(86)}"`), undefined);
  assert.equal(nameInUrl(`http://h/${'x'.repeat(256)}`), '__unnamed__');
});

test('all three forms of an HTTP time are read, anything else is no time', () => {
  for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
    assert.deepEqual(parseHttpTime(text), { sec: 784_111_777, nsec: 0 }, text);
  }
  for (const text of [undefined, '', '0', '1994', 'yesterday', 'Sun, 99 Nov 1994 08:49:37 GMT']) {
    assert.equal(parseHttpTime(text), undefined, String(text));
  }
});

test('credentials in a URL become a header, and are in no message', () => {
  const { url, authorization } = parseWebUrl('https://me:p%40ss@h:8443/x?y=z#w');
  assert.equal(url.href, 'https://h:8443/x?y=z');
  assert.equal(authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  assert.equal(parseWebUrl('http://h/').authorization, undefined);
  assert.equal(shownUrl('https://me:p@ss@h/x'), 'https://h/x');
  assert.equal(shownUrl('ftp://me:pass@h/x\n'), 'ftp://h/x ');
  assert.equal(shownUrl('https://me:pa/ss@h/x'), 'https://h/x');
});

test('only http and https are fetched', () => {
  for (const text of ['ftp://me:pass@h/x', 'file:///etc/passwd', 'data:,x']) {
    assert.throws(
      () => parseWebUrl(text),
      (error) => Fault.is(error, 'unsupported') && !error.message.includes('pass@'),
    );
  }
  assert.throws(
    () => parseWebUrl('http://'),
    (error) => Fault.is(error, 'invalid'),
  );
});
