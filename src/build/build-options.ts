import type { BuildEvent } from './build-event.ts';
import type { BuildMetadata } from './output/build-metadata.ts';
import type { RunSettings } from './run/run-settings.ts';
import type { SecretSource } from './run/secret-source.ts';
import type { SshSource } from './run/ssh-source.ts';

/** What `varve build` is asked to do. Fields mean what the flags of `docker buildx build` of the same name mean. */
export interface BuildOptions {
  readonly context: ContextLocation;
  /**
   * Path of the Dockerfile, its `http` or `https` URL, or its bytes; `Dockerfile` in the context where it is not given. A path is relative
   * to the current folder, and to the context where that is an archive or a repository.
   */
  readonly file?: string | AsyncIterable<Uint8Array>;
  /** `--build-context NAME=VALUE`: trees and images by the names that the Dockerfile has for them. */
  readonly contexts: ReadonlyMap<string, string>;
  /**
   * Names for the result. With several targets, `TARGET=NAME` is for that one, a name alone for the last.
   */
  readonly tags: readonly string[];
  /** `--build-arg NAME=VALUE`, environment already looked up for those without a value. */
  readonly buildArgs: ReadonlyMap<string, string>;
  /** Stages by name or number; the last one of the file where none is named. */
  readonly targets: readonly string[];
  /** Platforms to build for, as `os/architecture[/variant]`; this machine's where none is named. */
  readonly platforms: readonly string[];
  readonly cache: CacheUse;
  /** Shared caches to take results from, as `--cache-from` has it: see `parseCacheFrom`. The first that knows a step counts. */
  readonly cacheFrom?: readonly string[];
  /** Where the results go for others to use, as `--cache-to` has it: see `parseCacheTo`. */
  readonly cacheTo?: readonly string[];
  /** Steps at work at once; as many as the machine has cores by default. */
  readonly jobs?: number;
  /** Ask the registry for the bases even if they are here. */
  readonly pull: boolean;
  /** False: no registry of bases and caches need prove who it is, or speak TLS. Default true. */
  readonly tlsVerify?: boolean;
  readonly network: 'default' | 'host' | 'none';
  /** What RUN may ask for beyond the ordinary. */
  readonly allow: ReadonlySet<Entitlement>;
  /** What `RUN --mount=type=secret` gives, by id. */
  readonly secrets?: ReadonlyMap<string, SecretSource>;
  /** What `RUN --mount=type=ssh` forwards, by id. */
  readonly ssh?: ReadonlyMap<string, SshSource>;
  readonly run?: RunSettings;
  readonly labels: ReadonlyMap<string, string>;
  /** Where results go, as `--output` has it: see `parseOutput`. An image of this store where there is none. */
  readonly outputs: readonly string[];
  /** As `--annotation` has it: see `parseAnnotation`. */
  readonly annotations: readonly string[];
  /** Takes what an output writes to `-`; undefined where nobody does. */
  readonly stdout?: (chunk: Uint8Array) => Promise<void>;
  /**
   * No time in what is made is later: layers, config and history (reproducible-builds.org, SOURCE_DATE_EPOCH). Seconds
   * since 1970.
   */
  readonly sourceDateEpochSec?: number;
  readonly signal: AbortSignal;
  /** Called in order, never at the same time; must not throw. */
  readonly onEvent: (event: BuildEvent) => void;
}

/** Where COPY and ADD take from. */
export type ContextLocation =
  | { readonly kind: 'directory'; readonly path: string }
  /** A tar archive, plain or compressed; or a Dockerfile, with nothing to copy. Its first bytes tell. */
  | { readonly kind: 'stream'; readonly bytes: AsyncIterable<Uint8Array> }
  /** A git repository (`https://host/app.git#ref:subdir`), or the URL of an archive or a Dockerfile. */
  | { readonly kind: 'remote'; readonly url: string };

/** `device` allows all that RUN `--device` can ask for, `device=NAME` one device or kind. */
export type Entitlement = 'network.host' | 'security.insecure' | 'device' | `device=${string}`;

/** Which steps are run again though their results are known. */
export interface CacheUse {
  /** All of them. */
  readonly off: boolean;
  /** Those of these stages, by name or number. */
  readonly offForStages: readonly string[];
  /** `N` or `STAGE:N`: the step that progress shows as `N/…`, of the target where no stage is named. */
  readonly offForSteps: readonly string[];
}

export interface BuildResult {
  /** In the order in which they were asked for. */
  readonly targets: readonly TargetResult[];
  /** What `--metadata-file` holds. */
  readonly metadata: BuildMetadata;
}

export interface TargetResult {
  /** The stage, as progress names it. */
  readonly label: string;
  /** The names that this build gave the image, in full form; it may have others. */
  readonly names: readonly string[];
  /** Digest of the config; of several platforms, that of this machine's. Undefined where no output made an image. */
  readonly imageId?: string;
  /** Of the manifest, or of the index where there are several platforms. */
  readonly manifestDigest?: string;
}
