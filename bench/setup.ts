import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoopbackRegistry } from './loopback-registry.ts';
import { must, type CommandOptions } from './measure.ts';

const repository = join(import.meta.dirname, '..');
const peers = join(repository, '../shared/peers/run');

/** A folder with a store and with input; Docker beside it, where there is one. */
export class Bench implements Disposable {
  readonly folder: string = mkdtempSync('/var/tmp/varve-bench-');
  readonly program: string = join(repository, 'bin/varve');
  readonly hasPeer: boolean;
  readonly peerName: string;
  readonly #peer: readonly string[];
  readonly #made = new Set<string>();
  readonly #atEnd: (() => void)[] = [];
  readonly #registries = new Map<string, LoopbackRegistry>();

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
    return must(this.program, args, { ...options, env: { ...options.env, ...this.env } });
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
    const archive = join(this.folder, 'published.tar');
    const image = `${this.registry('published').host}/${name}:latest`;
    this.varve(['save', '--format', 'oci', '-o', archive, name]);
    must('skopeo', ['copy', '-q', '--dest-tls-verify=false', `oci-archive:${archive}`, `docker://${image}`]);
    rmSync(archive);
    return image;
  }

  /** A registry of this bench's own; the same for the same name. */
  registry(name: string): LoopbackRegistry {
    const known = this.#registries.get(name);
    const port = 5500 + ((process.pid + this.#registries.size * 100) % 400);
    const registry = known ?? new LoopbackRegistry(join(this.folder, `registry-${name}`), port);
    this.#registries.set(name, registry);
    return registry;
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

  /** One file of what machines really have: a tar of `/usr`, again and again, so many bytes of it. */
  largeLayer(sizeBytes: number): string {
    return this.input(`usr-${sizeBytes}`, (folder) => {
      const tar = 'while tar -C / --sort=name -cf - usr; do :; done 2>/dev/null';
      must('sh', ['-c', `{ ${tar}; } | head -c ${sizeBytes} > ${folder}/layer`]);
      writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY layer /\n');
    });
  }

  [Symbol.dispose](): void {
    for (const registry of this.#registries.values()) registry[Symbol.dispose]();
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
