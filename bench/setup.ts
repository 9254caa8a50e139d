import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, type CommandOptions } from './measure.ts';

const repository = join(import.meta.dirname, '..');
const peers = join(repository, '../shared/peers/run');

/** A folder with a store and with input; Docker beside it, where there is one. */
export class Bench implements Disposable {
  readonly folder: string = mkdtempSync('/var/tmp/varve-bench-');
  readonly hasPeer: boolean;
  readonly peerName: string;
  readonly #peer: readonly string[];
  readonly #made = new Set<string>();
  readonly #atEnd: (() => void)[] = [];
  #registry: ChildProcess | undefined;

  constructor() {
    const named = process.env['VARVE_BENCH_PEER'];
    this.#peer = named === undefined ? (existsSync(peers) ? [peers, 'docker'] : ['docker']) : named.split(' ');
    const version = this.#tryPeer(['version', '--format', '{{.Server.Version}}']);
    this.hasPeer = version !== undefined;
    this.peerName = version === undefined ? 'none' : `Docker ${version.trim()}`;
    this.varve(['version']);
    this.#makeBase();
  }

  /** Runs the program on this bench's store. */
  varve(args: readonly string[], options: CommandOptions = {}): string {
    return must(join(repository, 'bin/varve'), args, { ...options, env: { ...options.env, ...this.env } });
  }

  get env(): Readonly<Record<string, string>> {
    return { VARVE_ROOT: join(this.folder, 'store'), VARVE_RUN_ROOT: join(this.folder, 'run') };
  }

  docker(args: readonly string[], options: CommandOptions = {}): string {
    const [command = '', ...first] = this.#peer;
    return must(command, [...first, ...args], options);
  }

  /** As `docker`, for what may fail. */
  tryDocker(args: readonly string[]): string {
    return this.#tryPeer(args) ?? '';
  }

  /** Puts an image of varve's, its layers compressed, into a registry on the loopback: the name to pull it by. */
  publish(name: string): string {
    const port = 5500 + (process.pid % 400);
    const folder = this.input('registry', (path) => {
      const storage = `storage: {filesystem: {rootdirectory: ${path}/data}}`;
      writeFileSync(
        join(path, 'config.yml'),
        `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: 127.0.0.1:${port}}\n`,
      );
    });
    this.#registry ??= spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
    const archive = join(folder, 'image.tar');
    this.varve(['save', '--format', 'oci', '-o', archive, name]);
    const image = `127.0.0.1:${port}/${name}:latest`;
    const copy = [
      'copy',
      '-q',
      '--dest-tls-verify=false',
      '--retry-times=5',
      `oci-archive:${archive}`,
      `docker://${image}`,
    ];
    must('skopeo', copy);
    return image;
  }

  /** Does this when the bench is over. */
  defer(work: () => void): void {
    this.#atEnd.push(work);
  }

  /** A folder of this name, filled once. */
  input(name: string, fill: (folder: string) => void): string {
    const path = join(this.folder, name);
    if (!this.#made.has(name)) {
      mkdirSync(path, { recursive: true });
      fill(path);
      this.#made.add(name);
    }
    return path;
  }

  /** Small files like those of node_modules: `count` of them, `totalBytes` in all. */
  manyFiles(count: number, totalBytes: number): string {
    return this.input(`files-${count}`, (folder) => {
      const content = Buffer.alloc(Math.ceil(totalBytes / count), 'The quick brown fox. ');
      for (let index = 0; index < count; index += 1) {
        const directory = join(folder, 'src', String(index % 300));
        if (index < 300) mkdirSync(directory, { recursive: true });
        content.writeUInt32LE(index, 0);
        writeFileSync(join(directory, `file-${index}.js`), content);
      }
      writeFileSync(join(folder, 'Dockerfile'), 'FROM varve-bench-base\nCOPY src /src\n');
    });
  }

  [Symbol.dispose](): void {
    this.#registry?.kill();
    for (const work of this.#atEnd) work();
    const names = this.tryDocker([
      'images',
      '-q',
      '--filter',
      'reference=*varve-bench-*',
      '--filter',
      'reference=*/varve-bench-*',
    ]);
    const ids = [...new Set(names.split('\n').filter(Boolean))];
    if (ids.length > 0) this.tryDocker(['rmi', '-f', ...ids]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #makeBase(): void {
    const context = this.input('busybox', (folder) => {
      cpSync(join(repository, 'examples/busybox'), folder, { recursive: true });
      copyFileSync('/usr/bin/busybox', join(folder, 'busybox'));
    });
    this.varve(['build', '-q', '-t', 'varve-bench-base', context]);
    if (this.hasPeer) this.docker(['build', '-q', '-t', 'varve-bench-base', context]);
  }

  #tryPeer(args: readonly string[]): string | undefined {
    const [command = '', ...first] = this.#peer;
    const ended = spawnSync(command, [...first, ...args], { encoding: 'utf8' });
    return ended.status === 0 ? ended.stdout : undefined;
  }
}
