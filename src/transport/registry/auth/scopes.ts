/**
 * Joins scopes of distribution's token server, `TYPE:NAME:ACTION,ACTION`, so that each resource stands once; sorted, so
 * that equal sets are spelled the same.
 */
export function joinScopes(scopes: Iterable<string>): readonly string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const cut = scope.lastIndexOf(":");
    if (cut < 0) continue;
    const resource = scope.slice(0, cut);
    const known = actions.get(resource) ?? new Set();
    for (const action of scope.slice(cut + 1).split(",")) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, known]) => `${resource}:${[...known].sort().join(",")}`).sort();
}

/** The repository that scopes speak of first, for credentials that are kept for one repository alone. */
export function repositoryOf(scopes: readonly string[]): string | undefined {
  return scopes
    .map((scope) => /^repository(?:\([^)]*\))?:(.+):[^:]*$/.exec(scope)?.[1])
    .find((name) => name !== undefined);
}
