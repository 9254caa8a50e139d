import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import { Fault } from '../errors/index.ts';
import { absentArchitectures } from './kernel-architectures.ts';
import type { SeccompFilter } from './container-options.ts';
import { withDockerGates } from './seccomp-gates.ts';
import { seccompProgram } from './seccomp-program.ts';
import { parseSeccompProfile, resolveSeccomp, seccompProfilePaths } from './seccomp-profile.ts';

/**
 * The filter for a container on this machine: the distribution's profile (or the one at `path`) for this kernel, this
 * architecture (Go's name) and these capabilities, as strict as Docker's. Takes some milliseconds; keep the result.
 *
 * Fault `unavailable` where no profile is installed: running without a filter has to be asked for.
 */
export function loadSeccomp(options: {
  readonly architecture: string;
  readonly capabilities: readonly string[];
  readonly path?: string;
}): SeccompFilter {
  const paths = options.path === undefined ? seccompProfilePaths : [options.path];
  const text = firstReadable(paths);
  if (text === undefined) {
    throw new Fault('unavailable', `read the seccomp profile: there is none at ${paths.join(' or ')}`, {
      hint: 'apt-get install golang-github-containers-common',
    });
  }
  const filter = resolveSeccomp(withDockerGates(parseSeccompProfile(text)), {
    architecture: options.architecture,
    capabilities: options.capabilities,
    kernelRelease: release(),
    absentArchitectures: absentArchitectures(kernelConfig(), firstReadable(['/proc/cmdline']) ?? ''),
  });
  const program = seccompProgram(filter)?.toString('base64');
  return program === undefined ? filter : { ...filter, program };
}

const configLimitBytes = 4 * 1024 * 1024;

function kernelConfig(): string | undefined {
  try {
    return gunzipSync(readFileSync('/proc/config.gz'), { maxOutputLength: configLimitBytes }).toString('latin1');
  } catch {
    return firstReadable([`/boot/config-${release()}`]);
  }
}

function firstReadable(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      continue;
    }
  }
  return undefined;
}
