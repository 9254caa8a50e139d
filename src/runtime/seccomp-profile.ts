import { Fault } from '../errors/index.ts';
import type { SeccompSpec, SyscallArgSpec, SyscallRuleSpec } from './runtime-spec.ts';

/**
 * A seccomp profile as Docker and Podman distribute it (containers/common `seccomp.json`, moby's
 * `profiles/seccomp/default.json`): one document for every architecture, kernel and set of capabilities.
 */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number | undefined;
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[];
  readonly syscalls: readonly ProfileRule[];
}

/** A rule and for whom it holds. */
export interface ProfileRule extends SyscallRuleSpec {
  readonly includes: RuleFilter;
  readonly excludes: RuleFilter;
}

interface RuleFilter {
  /** Architectures by Go's names. */
  readonly arches: readonly string[];
  readonly caps: readonly string[];
  /** Kernel version as `[major, minor]`. */
  readonly minKernel: readonly [number, number] | undefined;
}

/** For whom a profile is resolved. */
export interface SeccompTarget {
  /** Go's name of the machine's architecture: `amd64`, `arm64`, … */
  readonly architecture: string;
  /** The release as uname(2) gives it. */
  readonly kernelRelease: string;
  /** The capabilities in the container's bounding set. */
  readonly capabilities: readonly string[];
  /**
   * Architectures that this kernel does not execute. libseccomp builds a decision tree for each architecture, which
   * costs some 7 ms of every start; programs of one that cannot run need none, and are killed should they try.
   */
  readonly absentArchitectures?: readonly string[];
}

/** Where Debian's golang-github-containers-common keeps its profile, then where Fedora and others do. */
export const seccompProfilePaths: readonly string[] = [
  '/usr/share/containers/seccomp.json',
  '/etc/containers/seccomp.json',
];

const sizeLimitBytes = 1024 * 1024;

/** Reads a profile's text; `invalid` with the place of the fault where it is not a profile. */
export function parseSeccompProfile(text: string): SeccompProfile {
  if (text.length > sizeLimitBytes)
    throw new Fault('invalid', `parse seccomp profile: more than ${sizeLimitBytes} bytes`);
  const document = record(parseJson(text), 'profile');
  return {
    defaultAction: string(document['defaultAction'], 'defaultAction'),
    defaultErrnoRet: optional(document['defaultErrnoRet'], 'defaultErrnoRet', number),
    archMap: list(document['archMap'], 'archMap', (value, at) => {
      const entry = record(value, at);
      return {
        architecture: string(entry['architecture'], `${at}.architecture`),
        subArchitectures: list(entry['subArchitectures'], `${at}.subArchitectures`, string),
      };
    }),
    syscalls: list(document['syscalls'], 'syscalls', parseRule),
  };
}

/** The rules of `profile` that hold for `target`, as `linux.seccomp` of a bundle. */
export function resolveSeccomp(profile: SeccompProfile, target: SeccompTarget): SeccompSpec {
  const absent = new Set(target.absentArchitectures);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architecturesOf(profile, target.architecture).filter((each) => !absent.has(each)),
    syscalls: profile.syscalls
      .filter((rule) => applies(rule, target))
      .map(({ includes: _includes, excludes: _excludes, ...rule }) => rule),
  };
}

function architecturesOf(profile: SeccompProfile, architecture: string): string[] {
  const native = nativeArchitectures.get(architecture);
  if (native === undefined) {
    throw new Fault('unsupported', `resolve seccomp profile: no filter is known for architecture ${architecture}`);
  }
  const family = profile.archMap.find((entry) => entry.architecture === native);
  return [native, ...(family?.subArchitectures ?? [])];
}

const nativeArchitectures: ReadonlyMap<string, string> = new Map([
  ['amd64', 'SCMP_ARCH_X86_64'],
  ['386', 'SCMP_ARCH_X86'],
  ['arm64', 'SCMP_ARCH_AARCH64'],
  ['arm', 'SCMP_ARCH_ARM'],
  ['riscv64', 'SCMP_ARCH_RISCV64'],
  ['ppc64le', 'SCMP_ARCH_PPC64LE'],
  ['s390x', 'SCMP_ARCH_S390X'],
  ['mips64', 'SCMP_ARCH_MIPS64'],
  ['mips64le', 'SCMP_ARCH_MIPSEL64'],
]);

/** A rule is left out as soon as one exclusion holds, and taken when every inclusion does. */
function applies({ includes, excludes }: ProfileRule, target: SeccompTarget): boolean {
  const granted = new Set(target.capabilities);
  const kernel = kernelVersion(target.kernelRelease);
  if (excludes.arches.includes(target.architecture)) return false;
  if (excludes.caps.some((capability) => granted.has(capability))) return false;
  if (excludes.minKernel !== undefined && atLeast(kernel, excludes.minKernel)) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(target.architecture)) return false;
  if (includes.minKernel !== undefined && !atLeast(kernel, includes.minKernel)) return false;
  return includes.caps.every((capability) => granted.has(capability));
}

function kernelVersion(release: string): readonly [number, number] {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) throw new Fault('invalid', `parse kernel release "${release}": not a version`);
  return [Number(match[1]), Number(match[2])];
}

function atLeast(version: readonly [number, number], minimum: readonly [number, number]): boolean {
  return version[0] === minimum[0] ? version[1] >= minimum[1] : version[0] > minimum[0];
}

function parseRule(value: unknown, at: string): ProfileRule {
  const rule = record(value, at);
  const single = optional(rule['name'], `${at}.name`, string);
  const args = list(rule['args'], `${at}.args`, parseArg);
  const errnoRet = optional(rule['errnoRet'], `${at}.errnoRet`, number);
  return {
    names: single === undefined ? list(rule['names'], `${at}.names`, string) : [single],
    action: string(rule['action'], `${at}.action`),
    ...(errnoRet === undefined ? {} : { errnoRet }),
    ...(args.length === 0 ? {} : { args }),
    includes: parseFilter(rule['includes'], `${at}.includes`),
    excludes: parseFilter(rule['excludes'], `${at}.excludes`),
  };
}

function parseArg(value: unknown, at: string): SyscallArgSpec {
  const arg = record(value, at);
  const valueTwo = optional(arg['valueTwo'], `${at}.valueTwo`, number) ?? 0;
  return {
    index: number(arg['index'], `${at}.index`),
    value: number(arg['value'], `${at}.value`),
    ...(valueTwo === 0 ? {} : { valueTwo }),
    op: string(arg['op'], `${at}.op`),
  };
}

function parseFilter(value: unknown, at: string): RuleFilter {
  const filter = record(value ?? {}, at);
  const minKernel = optional(filter['minKernel'], `${at}.minKernel`, string);
  return {
    arches: list(filter['arches'], `${at}.arches`, string),
    caps: list(filter['caps'], `${at}.caps`, string),
    minKernel: minKernel === undefined ? undefined : kernelVersion(minKernel),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Fault('invalid', 'parse seccomp profile: not JSON', { cause: error });
  }
}

function record(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(at, 'an object');
  return value as Record<string, unknown>;
}

function string(value: unknown, at: string): string {
  if (typeof value !== 'string') throw unexpected(at, 'a string');
  return value;
}

function number(value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unexpected(at, 'a whole number');
  return value;
}

/** Absent and null both stand for an empty list, as Go writes them. */
function list<T>(value: unknown, at: string, parse: (value: unknown, at: string) => T): T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw unexpected(at, 'a list');
  return value.map((each, index) => parse(each, `${at}[${index}]`));
}

function optional<T>(value: unknown, at: string, parse: (value: unknown, at: string) => T): T | undefined {
  return value === undefined || value === null ? undefined : parse(value, at);
}

function unexpected(at: string, wanted: string): Fault {
  return new Fault('invalid', `parse seccomp profile: ${at} is not ${wanted}`);
}
