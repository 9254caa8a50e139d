import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pullsOverLink } from './link.ts';
import { must, type Contender } from './measure.ts';
import type { Bench } from './setup.ts';
import { copyOfWhatIsThere, pullOfLargeLayer, pulls, pushOfLayer } from './transfers.ts';

/** A row of the table in README.md. */
export interface Work {
  readonly name: string;
  readonly aim: string;
  readonly rounds: number;
  readonly contenders: (bench: Bench) => readonly Contender[];
}

const twentyRuns = `FROM varve-bench-base\n${Array.from({ length: 20 }, (_, n) => `RUN echo ${n} > /file-${n}\n`).join('')}`;

/** 39 that make a file each, and one that copies all of them. */
const fortyStages = [
  ...Array.from({ length: 39 }, (_, n) => `FROM varve-bench-base AS s${n}\nRUN echo ${n} > /file-${n}\n`),
  'FROM varve-bench-base\n',
  ...Array.from({ length: 39 }, (_, n) => `COPY --from=s${n} /file-${n} /\n`),
].join('');

export const works: readonly Work[] = [
  {
    name: '20 RUN steps, no cache',
    aim: '≤ 1/5; ≤ 1.5 × bare runc',
    rounds: 3,
    contenders: (bench) => {
      const context = bench.input('twenty', (folder) => writeFileSync(join(folder, 'Dockerfile'), twentyRuns));
      const build = ['build', '-q', '--no-cache', '-t', 'varve-bench-twenty', context];
      return [varve(bench, build), docker(bench, build), bareRunc(bench, 20)];
    },
  },
  {
    name: 'COPY of 30,000 files (160 MB), cold',
    aim: '≤ 1/8; ≤ 2 × tar | sha256sum',
    rounds: 2,
    contenders: (bench) => {
      const context = bench.manyFiles(30_000, 160e6);
      const build = ['build', '-q', '--no-cache', '-t', 'varve-bench-files', context];
      return [varve(bench, build), docker(bench, build), pipeline(`tar -C ${context} -cf - src | sha256sum`)];
    },
  },
  {
    name: 'nothing changed, 30,000 files',
    aim: '≤ 1/5',
    rounds: 5,
    contenders: (bench) => {
      const build = ['build', '-q', '-t', 'varve-bench-files', bench.manyFiles(30_000, 160e6)];
      return [varve(bench, build), docker(bench, build)];
    },
  },
  {
    name: 'nothing changed, 3 lines',
    aim: '≤ 1/3; ≤ 120 ms',
    rounds: 11,
    contenders: (bench) => {
      const context = bench.input('three', (folder) => {
        writeFileSync(join(folder, 'Dockerfile'), 'FROM varve-bench-base\nRUN mkdir test\nCMD ["ls"]\n');
      });
      const build = ['build', '-q', '-t', 'varve-bench-three', context];
      return [varve(bench, build), docker(bench, build)];
    },
  },
  {
    name: 'nothing changed, 40 stages',
    aim: '≤ 150 ms',
    rounds: 11,
    contenders: (bench) => {
      const context = bench.input('stages', (folder) => writeFileSync(join(folder, 'Dockerfile'), fortyStages));
      const build = ['build', '-q', '-t', 'varve-bench-stages', context];
      return [varve(bench, build), docker(bench, build)];
    },
  },
  {
    name: 'COPY of one file of 1 GiB',
    aim: '≤ 1/4',
    rounds: 2,
    contenders: (bench) => {
      const context = bench.input('large', (folder) => {
        must('sh', ['-c', `head -c 1073741824 /dev/urandom > ${folder}/large`]);
        writeFileSync(join(folder, 'Dockerfile'), 'FROM varve-bench-base\nCOPY large /\n');
      });
      const build = ['build', '-q', '--no-cache', '-t', 'varve-bench-large', context];
      return [varve(bench, build), docker(bench, build), pipeline(`cat ${context}/large | sha256sum`)];
    },
  },
  {
    name: 'run --rm IMAGE true',
    aim: '≤ 1/3; ≤ 60 ms over bare runc',
    rounds: 11,
    contenders: (bench) => {
      const args = ['run', '--rm', 'varve-bench-base', 'true'];
      return [varve(bench, args), docker(bench, args), bareRunc(bench, 1)];
    },
  },
  {
    name: 'varve version',
    aim: '≤ 60 ms',
    rounds: 21,
    contenders: (bench) => [varve(bench, ['version'])],
  },
  {
    name: 'pull of the 30,000 files, local registry',
    aim: '≤ 1/6',
    rounds: 3,
    contenders: (bench) => {
      bench.varve(['build', '-q', '-t', 'varve-bench-files', bench.manyFiles(30_000, 160e6)]);
      const image = bench.publish('varve-bench-files');
      bench.varve(['rmi', 'varve-bench-files']);
      return pulls(bench, image);
    },
  },
  {
    name: 'pull of 20 layers of 10 MB, 50 ms away, 200 Mbit/s',
    aim: '≤ 1.3 × the link',
    rounds: 3,
    contenders: pullsOverLink,
  },
  {
    name: 'pull of a layer of 1 GiB, local registry',
    aim: '≤ 1/2',
    rounds: 3,
    contenders: pullOfLargeLayer,
  },
  {
    name: 'push of a layer of 500 MB, local registry',
    aim: '≤ 1/2',
    rounds: 3,
    contenders: pushOfLayer,
  },
  {
    name: 'copy of what is there, registry to registry',
    aim: '≤ 100 ms',
    rounds: 11,
    contenders: copyOfWhatIsThere,
  },
];

function varve(bench: Bench, args: readonly string[]): Contender {
  return { name: 'varve', run: () => bench.varve(args) };
}

function docker(bench: Bench, args: readonly string[]): Contender {
  return { name: 'docker', run: () => bench.docker(args) };
}

function pipeline(command: string): Contender {
  return { name: 'bare', run: () => must('sh', ['-c', command]) };
}

/** The same number of containers of nothing but runc, on one root filesystem. */
function bareRunc(bench: Bench, times: number): Contender {
  const bundle = bench.input('bundle', (folder) => {
    const rootfs = join(folder, 'rootfs', 'bin');
    mkdirSync(rootfs, { recursive: true });
    must('cp', ['/usr/bin/busybox', join(rootfs, 'sh')]);
    must('runc', ['spec', '--bundle', folder]);
    const path = join(folder, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    Object.assign(config.process, { terminal: false, args: ['/bin/sh', '-c', 'true'], rlimits: [] });
    writeFileSync(path, JSON.stringify(config));
  });
  return {
    name: 'bare',
    run: () => {
      for (let index = 0; index < times; index += 1)
        must('runc', ['run', '--bundle', bundle, `bench-${process.pid}-${index}`]);
    },
  };
}
