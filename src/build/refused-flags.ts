import type { AddInstruction, CopyInstruction, RunInstruction } from '../dockerfile/index.ts';

/** What of the instruction varve does not do yet, by name; undefined where it does all of it. */
export function refusedFlag(instruction: RunInstruction | CopyInstruction | AddInstruction): string | undefined {
  switch (instruction.kind) {
    case 'run':
      return refusedOfRun(instruction);
    case 'copy':
      return instruction.parents ? 'COPY --parents' : refusedOfBoth(instruction);
    case 'add':
      return refusedOfAdd(instruction) ?? refusedOfBoth(instruction);
  }
}

function refusedOfRun({ mounts, security, devices }: RunInstruction): string | undefined {
  if (mounts.length > 0) return 'RUN --mount';
  if (security !== 'sandbox') return `RUN --security=${security}`;
  return devices.length > 0 ? 'RUN --device' : undefined;
}

function refusedOfBoth({ kind, link, excludes }: CopyInstruction | AddInstruction): string | undefined {
  if (link) return `${kind.toUpperCase()} --link`;
  return excludes.length > 0 ? `${kind.toUpperCase()} --exclude` : undefined;
}

function refusedOfAdd({ checksum, keepGitDir, unpack, sources }: AddInstruction): string | undefined {
  if (checksum !== undefined) return 'ADD --checksum';
  if (keepGitDir !== undefined) return 'ADD --keep-git-dir';
  if (unpack !== undefined) return 'ADD --unpack';
  const remote = sources.find((word) => /^(https?:\/\/|git@|git:\/\/|ssh:\/\/)/.test(word.text));
  return remote === undefined ? undefined : `ADD of a remote source (${remote.text})`;
}
