/**
 * Measures varve beside real Docker (BuildKit), alternating, and beside the bare limit. `npm run bench [NAME…]` runs the
 * measurements whose names begin so. Docker is `docker` on the PATH, or what `VARVE_BENCH_PEER` runs.
 */
import { cpus, release } from 'node:os';
import { alternate, type Figures } from './measure.ts';
import { Bench } from './setup.ts';
import { works, type Work } from './works.ts';

const wanted = process.argv.slice(2);
using bench = new Bench();
/** What is compared to more than these stands behind the name. */
const columns = ['varve', 'docker', 'bare'];
const chosen = works.filter(({ name }) => wanted.length === 0 || wanted.some((each) => name.startsWith(each)));
print(
  `${new Date().toISOString().slice(0, 10)}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? '?'}, peer: ${bench.peerName}`,
);
print('| work | varve | docker | ratio | aim | bare | over bare |');
print('|---|---|---|---|---|---|---|');
for (const work of chosen) print(row(work));

function row(work: Work): string {
  const contenders = work.contenders(bench).filter(({ name }) => name !== 'docker' || bench.hasPeer);
  const figures = new Map(alternate(contenders, work.rounds).map((each) => [each.name, each]));
  const [varve, docker, bare] = columns.map((name) => figures.get(name));
  const ratio = varve === undefined || docker === undefined ? '' : `1/${(docker.medianMs / varve.medianMs).toFixed(1)}`;
  const over = varve === undefined || bare === undefined ? '' : `${(varve.medianMs / bare.medianMs).toFixed(2)} ×`;
  const others = [...figures.values()].filter(({ name }) => !columns.includes(name));
  const name = [work.name, ...others.map((each) => `${each.name}: ${shown(each)}`)].join('; ');
  return `| ${name} | ${shown(varve)} | ${shown(docker)} | ${ratio} | ${work.aim} | ${shown(bare)} | ${over} |`;
}

function shown(figures: Figures | undefined): string {
  if (figures === undefined) return '';
  const ms = figures.medianMs;
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
