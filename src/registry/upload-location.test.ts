import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { locationOf } from './upload-location.ts';

const secure = { registry: 'a.test', origin: 'https://a.test', insecure: false };
const plain = { registry: 'localhost:5000', origin: 'http://localhost:5000', insecure: true };

test('an upload goes on where the registry says, without the credentials that stand there', () => {
  assert.equal(locationOf('/upload/1?state=x', secure).href, 'https://a.test/upload/1?state=x');
  assert.equal(locationOf('https://user:word@b.test/1', secure).href, 'https://b.test/1');
  assert.equal(locationOf('http://b.test/1', plain).href, 'http://b.test/1');
});

test('a registry behind a proxy that names itself with plain HTTP is set right; another host has to speak TLS', () => {
  assert.equal(locationOf('http://a.test/upload/1', secure).href, 'https://a.test/upload/1');
  for (const location of ['http://b.test/1', 'http://169.254.169.254/latest']) {
    assert.throws(
      () => locationOf(location, secure),
      (error) => Fault.is(error, 'denied'),
      location,
    );
  }
});

test('what is no web address is refused', () => {
  for (const location of [undefined, 'file:///etc/passwd', 'javascript:1', 'https://[']) {
    assert.throws(() => locationOf(location, secure), /does not say where the upload goes on/);
  }
});
