/** A real Docker beside the repository, where one is running: what it makes of the same input is what varve must. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs the command that follows it among the peers; /tmp and /var/tmp are the same on both sides. */
export const peerProgram: string = join(import.meta.dirname, '../../../shared/peers/run');

/** Why there is no Docker to ask, or false. That its programs are installed is not enough: it must answer. */
export const needsDocker: string | false =
  spawnSync(peerProgram, ['docker', 'version'], { stdio: 'ignore' }).status === 0
    ? false
    : 'needs a Docker beside the repository';
