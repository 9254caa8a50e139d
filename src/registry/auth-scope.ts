/** What pulling from, or pushing to, a repository is called in a token request (distribution's token specification). */
export function repositoryScope(repository: string, actions: 'pull' | 'pull,push'): string {
  return `repository:${repository}:${actions}`;
}

/** The scopes in their order, all actions on one resource in one scope, sorted. What has another form stays as it is. */
export function mergeScopes(scopes: readonly string[]): readonly string[] {
  const actionsOf = new Map<string, Set<string>>();
  for (const scope of scopes.filter((each) => each !== '')) {
    const [, resource = scope, actions = ''] = /^(.*:.*):([^:]*)$/.exec(scope) ?? [];
    const known = actionsOf.get(resource) ?? new Set();
    for (const action of actions.split(',')) known.add(action);
    actionsOf.set(resource, known);
  }
  return [...actionsOf].map(([resource, actions]) => {
    const sorted = [...actions].filter((each) => each !== '').toSorted();
    return sorted.length === 0 ? resource : `${resource}:${sorted.join(',')}`;
  });
}
