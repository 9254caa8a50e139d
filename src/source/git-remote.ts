/** A remote as git is told of it: nothing secret in its URL. */
export interface GitRemote {
  /** Without a password, and without a user where a password came with it. */
  readonly url: string;
  readonly credentials: GitCredentials | undefined;
}

export interface GitCredentials {
  /** Where they may be sent: `https://host:port`. */
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

const authorityForm = /^([a-z]+):\/\/([^/]*)@([^/@]*)/;

/** Takes the credentials out of what `parseGitUrl` gave. Users of ssh stay: they are part of the address. */
export function splitRemote(remote: string): GitRemote {
  const [whole, scheme = '', userinfo = '', host = ''] = authorityForm.exec(remote) ?? [];
  if (whole === undefined) return { url: remote, credentials: undefined };
  const path = remote.slice(whole.length);
  const [username = '', ...rest] = userinfo.split(':');
  if (scheme === 'ssh') return { url: `ssh://${username}@${host}${path}`, credentials: undefined };
  const origin = `${scheme}://${host}`;
  const isWeb = scheme === 'http' || scheme === 'https';
  const credentials = { origin, username: decoded(username), password: decoded(rest.join(':')) };
  return { url: origin + path, credentials: isWeb ? credentials : undefined };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
