import { must, type Contender } from './measure.ts';
import type { Bench } from './setup.ts';

/** A layer that is one file: as much of this machine's `/usr` as a tar, from its beginning. */
const [pulledBytes, pushedBytes] = [1 << 30, 500e6];

export function pullOfLargeLayer(bench: Bench): readonly Contender[] {
  const name = 'varve-bench-pulled';
  bench.varve(['build', '-q', '-t', name, bench.largeLayer(pulledBytes)]);
  const image = bench.publish(name);
  bench.varve(['rmi', name]);
  return pulls(bench, image);
}

/** An image of which nothing is here. */
export function pulls(bench: Bench, image: string): readonly Contender[] {
  return [
    {
      name: 'varve',
      prepare: () => bench.varve(['prune', '--all', '--force']),
      run: () => bench.varve(['pull', '-q', image]),
    },
    {
      name: 'docker',
      prepare: () => bench.tryDocker(['rmi', '-f', image]),
      run: () => bench.docker(['pull', '-q', image]),
    },
  ];
}

/** In each round to a registry that has nothing, from a store that has nothing compressed, as Docker never has. */
export function pushOfLayer(bench: Bench): readonly Contender[] {
  const context = bench.largeLayer(pushedBytes);
  const registry = bench.registry('pushed');
  const image = `${registry.host}/varve-bench-pushed`;
  bench.varve(['build', '-q', '-t', image, context]);
  if (bench.hasPeer) bench.docker(['build', '-q', '-t', image, context]);
  return [
    {
      name: 'varve',
      prepare: () => {
        registry.empty();
        bench.varve(['prune', '--compressed', '--force']);
      },
      run: () => bench.varve(['push', '-q', image]),
    },
    { name: 'docker', prepare: () => registry.empty(), run: () => bench.docker(['push', '-q', image]) },
    {
      name: 'varve, zstd',
      prepare: () => {
        registry.empty();
        bench.varve(['prune', '--compressed', '--force']);
      },
      run: () => bench.varve(['push', '-q', '--compression', 'zstd', image]),
    },
  ];
}

export function copyOfWhatIsThere(bench: Bench): readonly Contender[] {
  const from = `docker://${bench.publish('varve-bench-base')}`;
  const to = `docker://${bench.registry('copied').host}/varve-bench-base:latest`;
  bench.varve(['copy', from, to]);
  const lax = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  return [
    { name: 'varve', run: () => bench.varve(['copy', from, to]) },
    { name: 'skopeo', run: () => must('skopeo', ['copy', '-q', ...lax, from, to]) },
  ];
}
