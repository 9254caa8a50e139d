/**
 * The history without what varve writes otherwise on purpose: the source of a COPY is named, ONBUILD has its line, exec
 * forms and health checks are JSON, a WORKDIR that is there already makes no layer, and its
 * path has no slashes too many.
 */
export function comparableConfig(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { history, ...config } = Object.fromEntries(Object.entries(facts).filter(([field]) => field !== 'layers'));
  const lines = (history as readonly string[])
    .filter((line) => !line.startsWith('empty ONBUILD '))
    .map((line) =>
      line
        .replace(/^(layer COPY .*) # from=\S+$/, '$1')
        .replace(/^(empty (CMD|ENTRYPOINT|SHELL|HEALTHCHECK)) .*/, '$1')
        .replace(/^(layer|empty) WORKDIR \/+(.*?)\/?$/, 'WORKDIR /$2'),
    );
  const workingDir = (config['WorkingDir'] as string | undefined)?.replace(/^\/+/, '/').replace(/(.)\/$/, '$1');
  return { ...config, WorkingDir: workingDir, history: lines };
}
