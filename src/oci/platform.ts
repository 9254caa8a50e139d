import { Fault } from '../errors/index.ts';
import type { Fields } from './json.ts';
import { defined, required, textAt, textsAt } from './json.ts';

/**
 * What a program runs on (image-spec image-index.md "platform"; names as Go's GOOS and GOARCH).
 *
 * The same platform is written in several ways (`arm64` and `arm64/v8`, `x86_64` and `amd64`): compare with
 * `samePlatform`, never field by field.
 */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

/**
 * The platform that `text` means: `os`, `architecture`, `os/architecture` or `os/architecture/variant`. What is left
 * out is the host's. Aliases are resolved (`x86_64`, `aarch64`, `armhf`, `macos`).
 */
export function parsePlatform(text: string, host: Platform): Platform {
  const parts = text.split('/');
  const [first = '', second, third] = parts;
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part))) throw unknownPlatform(text);
  if (second !== undefined) return normalisePlatform(defined({ os: first, architecture: second, variant: third }));
  const os = normaliseOs(first);
  if (knownOs.has(os)) return { ...host, os };
  const platform = normalisePlatform({ os: host.os, architecture: first });
  if (!knownArchitectures.has(platform.architecture)) throw unknownPlatform(text);
  return platform;
}

/** `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const variant = platform.variant ?? '';
  return `${platform.os}/${platform.architecture}${variant === '' ? '' : `/${variant}`}`;
}

/** The platform under its usual name: aliases resolved, the variant left out where it is the default one. */
export function normalisePlatform(platform: Platform): Platform {
  const [architecture, variant] = normaliseArchitecture(platform.architecture, platform.variant ?? '');
  const { variant: _, ...rest } = platform;
  const named = { ...rest, os: normaliseOs(platform.os), architecture };
  return variant === '' ? named : { ...named, variant };
}

/** True if both are the same platform, however they are written. The version of the operating system is not looked at. */
export function samePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(normalisePlatform(a)) === formatPlatform(normalisePlatform(b));
}

/**
 * The one of `manifests` that suits `wanted` best: the platform itself, else the nearest older variant of it
 * (arm/v7 runs v6 and v5, amd64 runs 386), else the first that does not say what it is for. Of several that are alike,
 * the first.
 */
export function choosePlatform<T extends { readonly platform?: Platform }>(
  manifests: readonly T[],
  wanted: Platform,
): T | undefined {
  const names = manifests.map(({ platform }) => platform && formatPlatform(normalisePlatform(platform)));
  for (const runnable of runnablePlatforms(normalisePlatform(wanted))) {
    const index = names.indexOf(runnable);
    if (index !== -1) return manifests[index];
  }
  return manifests.find((each) => each.platform === undefined);
}

/** The platform of a machine as Node names it (`process.platform`, `process.arch`). */
export function platformOfNode(os: string, arch: string): Platform {
  return normalisePlatform({ os: os === 'win32' ? 'windows' : os, architecture: nodeArchitectures.get(arch) ?? arch });
}

/** Reads a platform out of a foreign document; both names are required. */
export function platformFrom(fields: Fields): Platform {
  return defined({
    architecture: required(fields, 'architecture', textAt),
    os: required(fields, 'os', textAt),
    'os.version': textAt(fields, 'os.version'),
    'os.features': textsAt(fields, 'os.features'),
    variant: textAt(fields, 'variant'),
  });
}

const knownOs: ReadonlySet<string> = new Set(
  'aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows zos'.split(
    ' ',
  ),
);
const knownArchitectures: ReadonlySet<string> = new Set(
  '386 amd64 arm arm64 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 s390x sparc64 wasm'.split(' '),
);
const nodeArchitectures: ReadonlyMap<string, string> = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['ppc64', 'ppc64le'],
  ['mipsel', 'mipsle'],
]);

function normaliseOs(os: string): string {
  const lower = os.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

function normaliseArchitecture(architecture: string, variant: string): readonly [string, string] {
  const [arch, v] = [architecture.toLowerCase(), variant.toLowerCase()];
  const numbered = /^[0-9]/.test(v) ? `v${v}` : v;
  if (arch === 'i386') return ['386', ''];
  if (arch === 'x86_64' || arch === 'x86-64' || arch === 'amd64') return ['amd64', v === 'v1' ? '' : v];
  if (arch === 'aarch64' || arch === 'arm64') return ['arm64', numbered === 'v8' ? '' : numbered];
  if (arch === 'armhf') return ['arm', 'v7'];
  if (arch === 'armel') return ['arm', 'v6'];
  if (arch === 'arm') return ['arm', numbered === '' ? 'v7' : numbered];
  return [arch, v];
}

/** What a machine of this (normalised) platform can run, as `formatPlatform` writes it, best first. */
function runnablePlatforms(platform: Platform): readonly string[] {
  const { os, architecture, variant = '' } = platform;
  const own = formatPlatform(platform);
  const level = Number(/^v(\d+)$/.exec(variant)?.[1] ?? 0);
  const plain = `${os}/${architecture}`;
  if (architecture === 'amd64') {
    const older = countDown(level - 1, 2).map((each) => `${plain}/v${each}`);
    return [own, ...older, plain, `${os}/386`];
  }
  if (architecture === 'arm') return [own, ...countDown(level - 1, 5).map((each) => `${plain}/v${each}`)];
  if (architecture === 'arm64') return [own, plain, ...countDown(8, 5).map((each) => `${os}/arm/v${each}`)];
  return [own];
}

function countDown(from: number, to: number): readonly number[] {
  return from < to ? [] : Array.from({ length: from - to + 1 }, (_, index) => from - index);
}

function unknownPlatform(text: string): Fault {
  return new Fault('invalid', `parse platform ${JSON.stringify(text)}: unknown operating system or architecture`, {
    hint: 'write os/architecture[/variant], such as linux/amd64 or linux/arm/v7',
  });
}
