import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './measure.ts';

/** Debian's `docker-registry` on a port of the loopback, its content in a folder. */
export class LoopbackRegistry implements Disposable {
  readonly host: string;
  readonly #data: string;
  readonly #process: ChildProcess;

  constructor(folder: string, port: number) {
    const config = join(folder, 'config.yml');
    this.host = `127.0.0.1:${port}`;
    this.#data = join(folder, 'data');
    mkdirSync(folder, { recursive: true });
    const storage = `storage: {filesystem: {rootdirectory: ${this.#data}}}`;
    writeFileSync(config, `version: 0.1\nlog: {level: error}\n${storage}\nhttp: {addr: ${this.host}}\n`);
    this.#process = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
    const patience = ['--retry', '50', '--retry-delay', '1', '--retry-connrefused'];
    must('curl', ['-sf', '-o', '/dev/null', ...patience, `${this.host}/v2/`]);
  }

  /** Drops all that it has: it remembers nothing beside its files. */
  empty(): void {
    rmSync(this.#data, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.#process.kill();
  }
}
