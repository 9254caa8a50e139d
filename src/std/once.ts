/** What `make` makes, made when it is first asked for. A `make` that throws is asked again the next time. */
export function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
