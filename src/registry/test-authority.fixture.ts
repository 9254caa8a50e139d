import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const opensslMissing: string | false = existsSync('/usr/bin/openssl') ? false : 'openssl is not installed';

export interface TestAuthority {
  /** PEM. */
  readonly certificate: string;
  /** Files of a certificate for `127.0.0.1`, `0.0.0.0` and `localhost`, and of its key. */
  readonly server: { readonly certificate: string; readonly key: string };
}

/** A certificate authority of the test's own, with files in `folder`. */
export function testAuthority(folder: string): TestAuthority {
  const file = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-subj',
    '/CN=test authority',
    '-days',
    '2',
  );
  openssl(
    'req',
    '-x509',
    ...key,
    '-CA',
    file('ca.pem'),
    '-CAkey',
    file('ca.key'),
    '-keyout',
    file('server.key'),
    '-out',
    file('server.pem'),
    '-subj',
    '/CN=localhost',
    '-days',
    '2',
    '-addext',
    'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:0.0.0.0',
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  );
  const server = { certificate: file('server.pem'), key: file('server.key') };
  return { certificate: readFileSync(file('ca.pem'), 'utf8'), server };
}

function openssl(...args: readonly string[]): void {
  execFileSync('/usr/bin/openssl', args, { stdio: 'ignore' });
}
