/** How a host is spoken to over TLS. */
export interface TlsSettings {
  /** Certificates of authorities (PEM) that are trusted for this host, beside the usual ones. */
  readonly authorities: readonly string[];
  /** What this side shows of itself (PEM). */
  readonly identities: readonly { readonly certificate: string; readonly key: string }[];
  /** False where any certificate will do: somebody said so about this host. */
  readonly isVerified: boolean;
}
