import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const repository = join(import.meta.dirname, '..');
export const program = join(repository, 'bin/varve');

/** What a test that starts containers needs, or why it cannot. */
export const needsRoot: string | false = process.getuid?.() === 0 ? false : 'needs root';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Called with the process as soon as it runs. */
  readonly onStart?: (child: { readonly pid: number; kill(signal: NodeJS.Signals): void }) => void;
}

/**
 * A store of its own and the program that works on it, as a user runs it. When it is disposed of, the store must be
 * sound, and no mount and no container may be left; then all of it is removed.
 */
export class TestStore implements AsyncDisposable {
  readonly folder: string = mkdtempSync('/var/tmp/varve-test-');
  readonly root: string = join(this.folder, 'store');
  readonly runRoot: string = join(this.folder, 'run');
  /** Off where a test leaves damage behind on purpose. */
  checksAtEnd = true;

  /** Runs `varve ARGS…`. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const env = { ...process.env, ...options.env, VARVE_ROOT: this.root, VARVE_RUN_ROOT: this.runRoot };
    return runProgram(program, args, { ...options, env });
  }

  /** As `run`, and it must succeed; gives what it printed. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const ended = await this.run(args, options);
    assert.equal(ended.code, 0, `varve ${args.join(' ')} ended with ${ended.code}:\n${ended.stdout}${ended.stderr}`);
    return ended;
  }

  /** Makes a folder below the test's own with these files. */
  context(name: string, files: FileTree): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    writeFiles(path, files);
    return path;
  }

  /** The base `busybox:local`, made by the program itself from Debian's busybox-static. */
  async busybox(name = 'busybox:local', options: Pick<RunOptions, 'env'> = {}): Promise<void> {
    const context = this.context('busybox', {
      Dockerfile: readFileSync(join(repository, 'examples/busybox/Dockerfile'), 'utf8'),
      passwd: readFileSync(join(repository, 'examples/busybox/passwd'), 'utf8'),
      group: readFileSync(join(repository, 'examples/busybox/group'), 'utf8'),
      busybox: { mode: 0o755, content: readFileSync('/usr/bin/busybox') },
    });
    await this.ok(['build', '-q', '-t', name, context], options);
  }

  /** Builds with plain progress. */
  build(context: string, ...args: readonly string[]): Promise<Ended> {
    return this.run(['build', '--progress=plain', ...args, context]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.checksAtEnd) await this.#check();
    } finally {
      unmountBelow(this.folder);
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  async #check(): Promise<void> {
    const containers = (await this.run(['ps', '-aq'])).stdout.trim().split('\n').filter(Boolean);
    if (containers.length > 0) await this.ok(['rm', '-f', ...containers]);
    assert.deepEqual(mountsBelow(this.folder), [], 'mounts were left behind');
    const check = await this.run(['check']);
    assert.equal(check.code, 0, `the store is not sound:\n${check.stdout}${check.stderr}`);
  }
}

/** Files by path: text, bytes, or with a mode; `{ link }` is a symlink. */
export interface FileTree {
  readonly [path: string]: string | Uint8Array | FileSpec;
}
export type FileSpec =
  | { readonly content: string | Uint8Array; readonly mode: number }
  | { readonly link: string }
  | { readonly dir: true; readonly mode?: number };

export function writeFiles(root: string, files: FileTree): void {
  for (const [name, spec] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFile(path, spec);
  }
}

function writeFile(path: string, spec: FileTree[string]): void {
  if (typeof spec === 'string' || spec instanceof Uint8Array) return writeFileSync(path, spec);
  if ('link' in spec) return symlinkSync(spec.link, path);
  if ('dir' in spec) {
    mkdirSync(path, { recursive: true });
    return chmodSync(path, spec.mode ?? 0o755);
  }
  writeFileSync(path, spec.content);
  chmodSync(path, spec.mode);
}

export function runProgram(
  command: string,
  args: readonly string[],
  options: Omit<RunOptions, 'env'> & { readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const { cwd, env = process.env, stdin, onStart } = options;
  const child = spawn(command, args, { env, ...(cwd === undefined ? {} : { cwd }), stdio: ['pipe', 'pipe', 'pipe'] });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  onStart?.({ pid: child.pid ?? 0, kill: (signal) => void child.kill(signal) });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

export function mountsBelow(folder: string): readonly string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((target) => target.startsWith(`${folder}/`));
}

function unmountBelow(folder: string): void {
  for (const target of mountsBelow(folder).toReversed()) {
    spawnSync('umount', ['-l', target]);
  }
}
