import type { IgnoreRules } from '../ignore-rules.ts';

/**
 * What the checks are told of the world around a Dockerfile. They never ask for more than this, so that checking reads
 * and fetches nothing by itself; what is not known gives no finding, rather than a wrong one.
 */
export interface CheckFacts {
  /** Options in place of the file's own `# check=`. */
  readonly options?: string;
  /** ARGs as the command line gave them. */
  readonly buildArgs: ReadonlyMap<string, string>;
  /** The ARGs that FROM sees undeclared: BUILDPLATFORM, TARGETPLATFORM and their like. */
  readonly platformArgs: ReadonlyMap<string, string>;
  /** The platform that is built for. */
  readonly platform: PlatformFacts;
  /** The stages to be built, by name or number; without any all stages are checked. */
  readonly targets: readonly string[];
  readonly parsePlatform: (text: string) => PlatformFacts | undefined;
  /** Why this cannot be the name of an image, in a sentence that says the name; undefined where it can. */
  readonly imageNameProblem: (name: string) => string | undefined;
  /** An image that stages are based on, if anything is known of it. */
  readonly base: (name: string, platform: PlatformFacts) => BaseFacts | undefined;
  /** The rules of the context's ignore file, if it has one. */
  readonly ignore?: Pick<IgnoreRules, 'patterns'>;
}

export interface PlatformFacts {
  readonly os: string;
  readonly architecture: string;
  /** `linux/arm64/v8` */
  readonly text: string;
}

export interface BaseFacts {
  readonly env: ReadonlyMap<string, string>;
  /** True if it sets the shell of its shell forms. */
  readonly hasShell: boolean;
  /** Its ONBUILD instructions. */
  readonly triggers: readonly string[];
  readonly platform: PlatformFacts;
}
