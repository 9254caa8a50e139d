import { platformArgNames, proxyArgNames, type Dockerfile } from '../../dockerfile/index.ts';
import { formatPlatform, type Platform } from '../../oci/index.ts';
import { expanderFor } from './expander.ts';
import type { DockerfileSource } from './instruction-fault.ts';

export interface PlatformArgOptions {
  /** What is built for, and what it is built on. */
  readonly platform: Platform;
  readonly buildPlatform: Platform;
  readonly target: string | undefined;
}

export interface BuildArgsOptions extends PlatformArgOptions {
  readonly dockerfile: Dockerfile;
  readonly source: DockerfileSource;
  /** As the command line gave them. */
  readonly given: ReadonlyMap<string, string>;
}

/** What the ARGs of a Dockerfile hold: given ones, defaults, those above the first FROM, the platform's. */
export class BuildArgs {
  readonly #options: BuildArgsOptions;
  readonly #global = new Map<string, string>();
  readonly #asked = new Set<string>();

  constructor(options: BuildArgsOptions) {
    this.#options = options;
    this.#readGlobal();
  }

  /** What FROM sees. */
  readonly global = (name: string): string | undefined => this.#global.get(name) ?? platformArg(name, this.#options);

  /** What an ARG of a stage holds from its line on; undefined where it has no value. */
  value(name: string, defaultValue: string | undefined): string | undefined {
    this.#asked.add(name);
    return this.#options.given.get(name) ?? defaultValue ?? this.global(name);
  }

  /** Proxy settings, which every RUN is given without having asked. */
  get proxies(): ReadonlyMap<string, string> {
    return new Map([...this.#options.given].filter(([name]) => proxyArgNames.includes(name)));
  }

  /** Given ones that no ARG asked for. */
  get unused(): readonly string[] {
    return [...this.#options.given.keys()].filter((name) => !this.#asked.has(name) && !isForBuilder(name));
  }

  #readGlobal(): void {
    const { dockerfile, source, given } = this.#options;
    const escape = dockerfile.directives.escape ?? '\\';
    for (const instruction of dockerfile.metaArgs) {
      const expand = expanderFor(source, instruction, { env: this.global, escape });
      for (const { name, defaultValue } of instruction.args) {
        this.#asked.add(name.text);
        const value = given.get(name.text) ?? (defaultValue === undefined ? undefined : expand.word(defaultValue));
        if (value !== undefined) this.#global.set(name.text, value);
      }
    }
  }
}

function isForBuilder(name: string): boolean {
  return proxyArgNames.includes(name) || builderArg.test(name);
}

/** Given to the builder rather than to the Dockerfile, which may ask for them all the same. */
const builderArg = /^(SOURCE_DATE_EPOCH|BUILDKIT_[A-Z_]+)$/;

/** What the platform gives an ARG, one of `platformArgNames`; undefined for any other. */
export function platformArg(name: string, options: PlatformArgOptions): string | undefined {
  if (!platformArgNames.includes(name)) return undefined;
  const { platform: wanted, buildPlatform, target } = options;
  if (name === 'TARGETSTAGE') return target ?? 'default';
  const platform = name.startsWith('BUILD') ? buildPlatform : wanted;
  const { os, architecture, variant = '' } = platform;
  const parts = { PLATFORM: formatPlatform(platform), OS: os, ARCH: architecture, VARIANT: variant };
  return parts[name.replace(/^(BUILD|TARGET)/, '') as keyof typeof parts];
}
