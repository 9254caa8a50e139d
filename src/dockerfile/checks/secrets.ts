import type { CheckLog, CheckPlace } from './check-report.ts';

const secret = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmless = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** SecretsUsedInArgOrEnv: a name that sounds like a secret, whose value anybody can read in the image. */
export function checkSecret(instruction: 'ARG' | 'ENV', name: string, { log, place }: SecretOptions): void {
  if (!secret.test(name) || harmless.test(name)) return;
  const shown = `${instruction} ${JSON.stringify(name)}`;
  log.find('SecretsUsedInArgOrEnv', `Do not use ARG or ENV instructions for sensitive data (${shown})`, place);
}

interface SecretOptions {
  readonly log: CheckLog;
  readonly place: CheckPlace;
}
