/**
 * Prints the largest resident set of the commands that move images, for a layer of one file of 1 GiB and for one of a million
 * files: `node bench/memory.ts`.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { endOfArchive, formatHeader } from '../src/tar/index.ts';
import { bytesOf } from '../src/std/index.ts';
import { must, peakMemoryMiB } from './measure.ts';
import { Bench } from './setup.ts';

using bench = new Bench();
process.stdout.write('| work | 1 GiB, one file | 1 GB, a million files |\n|---|---|---|\n');
const large = peaksOf('varve-bench-large', ['build', '-q', '-t', 'varve-bench-large', bench.largeLayer(1 << 30)]);
const many = peaksOf('varve-bench-many', ['import', manyEntries(), 'varve-bench-many']);
for (const [index, { work, peak }] of large.entries()) {
  process.stdout.write(`| ${work} | ${peak.toFixed(0)} MB | ${many[index]?.peak.toFixed(0)} MB |\n`);
}

interface Peak {
  readonly work: string;
  readonly peak: number;
}

/** In this order: a command may need what the one before it has left. */
function peaksOf(name: string, make: readonly string[]): readonly Peak[] {
  const [here, there] = ['here', 'there'].map((each) => bench.registry(each).host);
  const [image, copied] = [`${here}/${name}:latest`, `${there}/${name}:latest`];
  const [oci, docker] = ['oci.tar', 'docker.tar'].map((each) => join(bench.folder, each)) as [string, string];
  const other = { VARVE_ROOT: join(bench.folder, `other-${name}`) };
  const fresh = (): string => must('rm', ['-rf', other.VARVE_ROOT]);
  const made = { work: make[0] ?? '', peak: peakOf(make) };
  bench.varve(['tag', name, image]);
  const peaks = [
    made,
    { work: 'push', peak: peakOf(['push', '-q', image]) },
    { work: 'copy, registry to registry', peak: peakOf(['copy', `docker://${image}`, `docker://${copied}`]) },
    { work: 'save', peak: peakOf(['save', '-o', oci, name]) },
    { work: 'save --format docker', peak: peakOf(['save', '--format', 'docker', '-o', docker, name]) },
    { work: 'pull', peak: (fresh(), peakOf(['pull', '-q', image], other)) },
    { work: 'load', peak: (fresh(), peakOf(['load', '-q', '-i', oci], other)) },
    { work: 'load, of Docker', peak: (fresh(), peakOf(['load', '-q', '-i', docker], other)) },
  ];
  return [...peaks, { work: 'registry serve, pulled from and pushed to', peak: peakOfServing(name, docker) }];
}

function peakOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): number {
  return peakMemoryMiB(bench.program, args, { env: { ...bench.env, ...env } });
}

/** It gives the image out, and takes it in again as Docker's archive has it. */
function peakOfServing(name: string, archive: string): number {
  const address = `127.0.0.1:${5900 + (process.pid % 100)}`;
  const env = { ...process.env, ...bench.env };
  const server = spawn(bench.program, ['registry', 'serve', '--addr', address], { env, stdio: 'ignore' });
  try {
    must('curl', ['-sf', '-o', '/dev/null', '--retry', '50', '--retry-connrefused', `${address}/v2/`]);
    const pulled = [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${address}/${name}`,
      `dir:${bench.folder}/pulled`,
    ];
    must('skopeo', pulled);
    must('skopeo', [
      'copy',
      '-q',
      '--dest-tls-verify=false',
      `docker-archive:${archive}`,
      `docker://${address}/again/${name}`,
    ]);
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) / 1024;
  } finally {
    server.kill();
  }
}

/** A tar of a million files of 500 bytes, a hundred in each folder. */
function manyEntries(): string {
  const folder = bench.input('many-entries', (path) => {
    const file = openSync(join(path, 'layer.tar'), 'w');
    const content = Buffer.alloc(512);
    content.fill('The quick brown fox. ', 0, 500);
    for (let directory = 0; directory < 10_000; directory += 1) {
      const members = [headerOf(`src/${directory}`, 'dir')];
      for (let index = 0; index < 100; index += 1) {
        members.push(headerOf(`src/${directory}/file-${index}.js`, 'file'), content);
      }
      writeSync(file, Buffer.concat(members));
    }
    writeSync(file, endOfArchive);
    closeSync(file);
  });
  return join(folder, 'layer.tar');
}

function headerOf(path: string, type: 'file' | 'dir'): Uint8Array {
  return formatHeader({
    path: bytesOf(path),
    type,
    mode: type === 'dir' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size: type === 'dir' ? 0 : 500,
    mtime: { sec: 1_600_000_000, nsec: 0 },
    link: bytesOf(''),
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
  });
}
