/** The last error in lines of JSON, each with `level` and `msg`; undefined where there is none. */
export function lastJsonError(log: string): string | undefined {
  for (const line of log.split('\n').toReversed()) {
    const message = errorIn(line);
    if (message !== undefined) return message;
  }
  return undefined;
}

/** The last line of a log in which each is an error, without the time. */
export function lastTextError(log: string): string | undefined {
  return log.trimEnd().split('\n').at(-1)?.replace(lineTime, '') || undefined;
}

const lineTime = /^\d{4}-\d\d-\d\dT[\d:.]+Z?:? /;

function errorIn(line: string): string | undefined {
  try {
    const entry = JSON.parse(line) as { readonly level?: unknown; readonly msg?: unknown } | null;
    const failed = entry?.level === 'error' || entry?.level === 'fatal';
    return failed && typeof entry.msg === 'string' ? entry.msg : undefined;
  } catch {
    return undefined;
  }
}
