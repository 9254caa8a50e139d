/**
 * The names of `path` below the root, as text alone gives them: a leading slash, empty names and `.` drop out, `..`
 * takes the name before it away and never leads above the root.
 */
export function cleanPath(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}
