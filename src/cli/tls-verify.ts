import { toggle, type Toggle } from './flags.ts';

const usual = 'Require TLS, and a certificate that is trusted, of the registry';

/** `--tls-verify=false`: the registry may be spoken to without TLS, or with any certificate. */
export function tlsVerifyFlag(help = usual): Toggle {
  return toggle(help, { initial: true });
}
