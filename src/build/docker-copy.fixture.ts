import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeTar } from './copy-sandbox.fixture.ts';

const peers = join(import.meta.dirname, '../../../shared/peers/run');

/** Why Docker cannot be asked; undefined where it can. */
export function whyNoDocker(): string | undefined {
  if (!existsSync(peers)) return 'there is no Docker to compare with';
  return spawnSync(peers, ['docker', 'version']).status === 0 ? undefined : 'Docker does not answer';
}

export type DockerResult =
  | { readonly kind: 'built'; readonly tree: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };

/** What Docker makes of the same Dockerfile and context. */
export function buildWithDocker(context: string, dockerfile: string): DockerResult {
  const folder = mkdtempSync(join(tmpdir(), 'varve-docker-'));
  try {
    const [file, out] = [join(folder, 'Dockerfile'), join(folder, 'out.tar')];
    writeFileSync(file, dockerfile);
    const args = ['docker', 'buildx', 'build', '-q', '-f', file, '-o', `type=tar,dest=${out}`, context];
    const { status, stderr } = spawnSync(peers, args, { encoding: 'utf8' });
    if (status === 0) return { kind: 'built', tree: describeTar(readFileSync(out)) };
    return { kind: 'failed', message: /ERROR: (.*)/.exec(stderr)?.[1] ?? stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
