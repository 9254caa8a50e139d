import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '../../errors/index.ts';
import { peerProgram } from '../../std/docker-peer.fixture.ts';
import { describeTar, type CopySandbox } from './copy-sandbox.fixture.ts';

export type DockerResult =
  | { readonly kind: 'built'; readonly tree: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };

/** What Docker makes of the same Dockerfile and context. Servers of this process may answer meanwhile. */
export async function buildWithDocker(context: string, dockerfile: string): Promise<DockerResult> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-docker-'));
  try {
    const [file, out] = [join(folder, 'Dockerfile'), join(folder, 'out.tar')];
    writeFileSync(file, dockerfile);
    const args = ['docker', 'buildx', 'build', '-q', '-f', file, '-o', `type=tar,dest=${out}`, context];
    const failure = await promisify(execFile)(peerProgram, args).then(
      () => undefined,
      (error: { readonly stderr: string }) => error.stderr,
    );
    if (failure === undefined) return { kind: 'built', tree: describeTar(readFileSync(out)) };
    return { kind: 'failed', message: /ERROR: (.*)/.exec(failure)?.[1] ?? failure };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What is left of Docker's words without its own paths. */
const spoken =
  /invalid (in|ex)cludepatterns: .*|"[^"]*": not found|cannot copy to non-directory|cannot replace to directory|mkdir .*|invalid chmod.*|invalid syntax|unexpected EOF|checksum (can't|requires|mismatch) .*|source can't be .*|inconsistent .*/;
const cutOff = /the archive is cut off/;

/**
 * Has both build the same. The trees must be equal in path, type, mode, owner, link, content and attributes; what Docker
 * refuses must be refused with its words, or `refusal` where it has none that say it.
 */
export async function compareWithDocker(
  sandbox: CopySandbox,
  { text, ignore = '', refusal }: { readonly text: string; readonly ignore?: string; readonly refusal?: RegExp },
): Promise<void> {
  writeFileSync(join(sandbox.context, '.dockerignore'), `.dockerignore\n${ignore}`);
  const docker = await buildWithDocker(sandbox.context, text);
  const ours = await sandbox.build(text).catch((error: unknown) => {
    if (!Fault.is(error) || error.code === 'internal') throw error;
    return error;
  });
  if (docker.kind === 'failed') {
    assert.ok(ours instanceof Fault, `Docker refuses it: ${docker.message}`);
    assert.match(ours.message, /^ +\d+ \| >>> /m);
    if (refusal !== undefined) return assert.match(ours.message, refusal, docker.message);
    const [words = docker.message] = spoken.exec(docker.message) ?? [];
    const said = ours.message.replace(cutOff, 'unexpected EOF');
    assert.ok(said.includes(words), `${ours.message}\ninstead of ${docker.message}`);
    return;
  }
  if (ours instanceof Fault) throw ours;
  assert.deepEqual(ours.tree, docker.tree);
}
