/** Proxies, under the names that the environment has for them: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`. */
export type ProxySettings = Readonly<Record<string, string | undefined>>;

/** The proxies that an environment names, in either case. This machine itself is never reached through one. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const named = (name: string): string => env[name] || env[name.toLowerCase()] || '';
  const exceptions = [named('NO_PROXY'), ...loopback].filter((each) => each !== '').join(',');
  const proxies = [named('HTTP_PROXY'), named('HTTPS_PROXY')] as const;
  if (proxies.every((each) => each === '')) return {};
  return { HTTP_PROXY: proxies[0], HTTPS_PROXY: proxies[1], NO_PROXY: exceptions };
}

const loopback = ['localhost', '127.0.0.1', '::1'];
