import { execFileSync, spawn } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, type Contender } from './measure.ts';
import type { Bench } from './setup.ts';
import { pulls } from './transfers.ts';

/**
 * Who brings 20 layers of 10 MB over a link of 50 ms each way and 200 Mbit/s. The link's own time is that of curl for one
 * blob of the same bytes, from the same registry, on one connection.
 */
export function pullsOverLink(bench: Bench): readonly Contender[] {
  const registry = new FarRegistry(bench);
  bench.defer(() => registry[Symbol.dispose]());
  const image = registry.publish('varve-bench-twenty-layers', { isOneLayer: false });
  const whole = registry.publish('varve-bench-one-layer', { isOneLayer: true });
  const copy = join(bench.folder, 'skopeo');
  return [
    ...pulls(bench, image),
    {
      name: 'skopeo',
      prepare: () => rmSync(copy, { recursive: true, force: true }),
      run: () => must('skopeo', ['copy', '-q', '--src-tls-verify=false', `docker://${image}`, `dir:${copy}`]),
    },
    { name: 'bare', run: () => must('curl', ['-sfo', '/dev/null', registry.layerUrl(whole)]) },
  ];
}

const [delayMs, rateMbit] = [50, 200];

/** A registry in a network namespace behind such a link, reached at a port of the loopback: Docker trusts no other without TLS. */
class FarRegistry implements Disposable {
  readonly #bench: Bench;
  readonly #namespace = `varve-bench-${process.pid}`;
  readonly #near = `127.0.0.1:${5900 + (process.pid % 90)}`;
  readonly #children: readonly { kill(): void }[];

  constructor(bench: Bench) {
    this.#bench = bench;
    execFileSync('ip', ['netns', 'add', this.#namespace]);
    execFileSync('ip', ['-n', this.#namespace, 'link', 'set', 'lo', 'up']);
    const folder = bench.input('far-registry', (path) => {
      const storage = `storage: {filesystem: {rootdirectory: ${path}/data}}`;
      writeFileSync(join(path, 'config.yml'), `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: ":5000"}\n`);
    });
    const up = join(folder, 'up');
    const link = [join(import.meta.dirname, 'delayed-link.ts'), this.#namespace, delayMs, rateMbit, this.#near, up];
    this.#children = [
      spawn('nsenter', [this.#net, 'docker-registry', 'serve', join(folder, 'config.yml')], { stdio: 'ignore' }),
      spawn(process.execPath, link.map(String), { stdio: 'ignore' }),
    ];
    while (!existsSync(up)) must('sleep', ['0.1']);
  }

  get #net(): string {
    return `--net=/run/netns/${this.#namespace}`;
  }

  /** Builds an image of 20 files of 10 MB that do not shrink, and puts it there: the name to pull it by. */
  publish(name: string, { isOneLayer }: { readonly isOneLayer: boolean }): string {
    const files = Array.from({ length: 20 }, (_, index) => `file-${index}`);
    const context = this.#bench.input(name, (folder) => {
      for (const file of files) must('sh', ['-c', `head -c 10000000 /dev/urandom > ${folder}/${file}`]);
      const copies = isOneLayer ? [`COPY ${files.join(' ')} /`] : files.map((file) => `COPY ${file} /`);
      writeFileSync(join(folder, 'Dockerfile'), `FROM scratch\n${copies.join('\n')}\n`);
    });
    const archive = join(context, '../far.tar');
    this.#bench.varve(['build', '-q', '-t', name, context]);
    this.#bench.varve(['save', '-o', archive, name]);
    this.#bench.varve(['rmi', name]);
    const options = ['copy', '-q', '--dest-tls-verify=false', '--retry-times=5'];
    const target = `docker://127.0.0.1:5000/${name}:latest`;
    must('nsenter', [this.#net, 'skopeo', ...options, `oci-archive:${archive}`, target]);
    rmSync(archive);
    return `${this.#near}/${name}:latest`;
  }

  /** Where the only layer of an image is. */
  layerUrl(image: string): string {
    const manifest = JSON.parse(must('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${image}`]));
    const repository = image.slice(this.#near.length + 1, -':latest'.length);
    return `http://${this.#near}/v2/${repository}/blobs/${manifest.layers[0].digest}`;
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill();
    execFileSync('ip', ['netns', 'del', this.#namespace]);
  }
}
