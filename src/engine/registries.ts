/** The use cases about registries themselves: who is let in, and what is there. */
export interface Registries {
  /**
   * Asks the registry whether it knows this person, and keeps the credentials where Docker keeps them if so: the identity
   * token in place of the password, where its token server gives one. Fault
   * `unauthenticated` if not, `unavailable` where it does not answer; then nothing is kept.
   */
  login(options: LoginOptions): Promise<LoginResult>;

  /** Forgets the credentials that Docker keeps for a registry: true if there were some. */
  logout(server: string): Promise<boolean>;

  /** The tags of a repository, in the registry's order, as its pages come. */
  tags(repository: string, options: RegistryAccessOptions): AsyncIterable<string>;

  /** A manifest or an index as the registry has it, byte for byte. */
  manifest(reference: string, options: RegistryAccessOptions): Promise<RegistryManifest>;

  /** What says of itself that it belongs to that manifest or index: signatures, bills of materials. */
  referrers(reference: string, options: ReferrersOptions): Promise<readonly Referrer[]>;
}

export interface RegistryAccessOptions {
  /** False: the registry need not prove who it is, and may be spoken to without TLS. Default true. */
  readonly tlsVerify?: boolean;
  readonly signal: AbortSignal;
}

export interface ReferrersOptions extends RegistryAccessOptions {
  /** Only those of this type. */
  readonly artifactType?: string;
}

export interface Referrer {
  readonly digest: string;
  /** Empty where it does not say. */
  readonly artifactType: string;
  /** Of its manifest. */
  readonly sizeBytes: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface LoginOptions extends RegistryAccessOptions {
  /** `registry.example:5000`; Docker Hub where it is undefined. */
  readonly server: string | undefined;
  readonly username: string;
  readonly password: string;
}

export interface LoginResult {
  readonly server: string;
  /** Where the credentials are now: a file that others who read it can use too, or a program. */
  readonly keptIn:
    | { readonly kind: 'helper'; readonly program: string }
    | { readonly kind: 'file'; readonly path: string };
}

export interface RegistryManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}
