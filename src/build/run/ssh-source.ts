/** What `RUN --mount=type=ssh` forwards: the agent at a socket, or one that holds just these keys. */
export type SshSource =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'keys'; readonly paths: readonly string[] };
