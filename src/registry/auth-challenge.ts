/** What a registry wants before it answers (RFC 9110 section 11.6.1; distribution's token specification). */
export type AuthChallenge =
  | { readonly kind: 'basic' }
  | {
      readonly kind: 'bearer';
      readonly realm: string;
      readonly service: string | undefined;
      readonly scope: string | undefined;
    };

/**
 * The first challenge of a `WWW-Authenticate` header that can be met, bearer before basic; undefined if there is none.
 */
export function parseAuthChallenge(header: string): AuthChallenge | undefined {
  const challenges = splitChallenges(header);
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer !== undefined) {
    const { parameters } = bearer;
    const realm = parameters.get('realm') ?? '';
    return { kind: 'bearer', realm, service: parameters.get('service'), scope: parameters.get('scope') };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
}

interface Challenge {
  readonly scheme: string;
  readonly parameters: Map<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/** Several challenges may stand in one header, and a comma separates challenges as it does parameters. */
function splitChallenges(header: string): readonly Challenge[] {
  const part = new RegExp(`\\s*,*\\s*(${token})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token})))?`, 'y');
  const challenges: Challenge[] = [];
  for (let match = part.exec(header); match !== null; match = part.exec(header)) {
    const [, name = '', quoted, plain] = match;
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return challenges;
}
