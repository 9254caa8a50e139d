import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { etcFiles, writeEtcFiles } from './etc-files.ts';

const host = { hostname: 'box', hostHosts: '10.0.0.1 mirror', hostResolvConf: 'nameserver 10.0.0.53\n' };

test('on the host’s network the host’s names hold, and added ones', () => {
  const files = etcFiles({ ...host, network: 'host', extraHosts: [{ name: 'db', address: '10.0.0.2' }] });
  assert.deepEqual(files, {
    hosts: '10.0.0.1 mirror\n10.0.0.2\tdb\n',
    hostname: 'box\n',
    resolvConf: 'nameserver 10.0.0.53\n',
  });
});

test('in a network of its own a container knows itself', () => {
  const { hosts } = etcFiles({ ...host, network: 'own' });
  assert.match(hosts, /^127\.0\.0\.1\tlocalhost\n/);
  assert.match(hosts, /\n127\.0\.0\.1\tbox\n$/);
  assert.doesNotMatch(hosts, /mirror/);
});

test('other name servers take the place of the host’s, with its search list and options', () => {
  const hostResolvConf = '# written by dhcp\nnameserver 127.0.0.53\nsearch a.example b.example\noptions edns0\n';
  const { resolvConf } = etcFiles({ ...host, hostResolvConf, network: 'own', nameservers: ['10.0.0.1', 'fd00::1'] });
  assert.equal(resolvConf, 'nameserver 10.0.0.1\nnameserver fd00::1\nsearch a.example b.example\noptions edns0\n');
});

test('the files are readable by every user of the container, their directory by nobody else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-etc-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mounts = writeEtcFiles(join(folder, 'etc'), etcFiles({ ...host, network: 'host' }), { readonly: true });
  assert.deepEqual(
    mounts.map((mount) => [mount.kind, mount.destination, mount.readonly]),
    ['hosts', 'hostname', 'resolv.conf'].map((name) => ['bind', `/etc/${name}`, true]),
  );
  assert.equal(readFileSync(join(folder, 'etc/hostname'), 'utf8'), 'box\n');
  assert.equal(statSync(join(folder, 'etc/hosts')).mode & 0o777, 0o644);
  assert.equal(statSync(join(folder, 'etc')).mode & 0o777, 0o700);
});
