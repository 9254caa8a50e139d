import { readFileSync } from 'node:fs';
import { arch, availableParallelism, freemem, hostname, release, totalmem } from 'node:os';
import { errnoOf, nodeFault } from './errno.ts';
import { bytesOf } from '../std/index.ts';

/** What `varve info` tells of the machine. */
export interface MachineFacts {
  /** As Node names it: `x64`, `arm64`. */
  readonly architecture: string;
  readonly cpus: number;
  readonly totalMemoryBytes: number;
  readonly availableMemoryBytes: number;
  /** `6.18.44-…`, as uname(2) gives it. */
  readonly kernelRelease: string;
  readonly kernelVersion: KernelVersion;
  /** PRETTY_NAME of os-release(5); undefined where the system does not say. */
  readonly operatingSystem: string | undefined;
  readonly hostname: string;
}

export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
}

export function machineFacts(): MachineFacts {
  return {
    architecture: arch(),
    cpus: availableParallelism(),
    totalMemoryBytes: totalmem(),
    availableMemoryBytes: freemem(),
    kernelRelease: release(),
    kernelVersion: kernelVersion(),
    operatingSystem: operatingSystem(),
    hostname: hostname(),
  };
}

/** The running kernel's version; 0.0 where the release does not begin with two numbers. */
export function kernelVersion(text: string = release()): KernelVersion {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return { major: Number(major), minor: Number(minor) };
}

function operatingSystem(): string | undefined {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readIfThere(path) ?? '')?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw nodeFault('read', bytesOf(path), error);
  }
}
