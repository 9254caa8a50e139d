import { toggle } from './flags.ts';

export const tlsVerifyFlag = toggle('Require TLS, and a certificate that is trusted, of the registry', {
  initial: true,
});
