/**
 * Prints how long reading and planning a Dockerfile of 500 lines takes, the first time in a process and the median of the
 * next hundred: `node bench/plan.ts`.
 */
import { performance } from 'node:perf_hooks';
import { planBuild } from '../src/build/lowering/planned-build.fixture.ts';

const stageLines = [
  'ENV VERSION_N=1.2.3 PATH=/opt/N/bin:$PATH',
  'ARG FLAGS_N="--with-a --with-b"',
  'WORKDIR /src/N',
  'COPY --chown=1000:1000 package.json package-lock.json ./',
  'RUN apt-get update && apt-get install -y --no-install-recommends \\\n    curl ca-certificates \\\n && rm -rf /var/lib/apt/lists/*',
  'COPY . .',
  'RUN make $FLAGS_N && make install',
  'LABEL org.example.stage="N" org.example.version=${VERSION_N}',
  'EXPOSE 8080 8443/tcp',
  'USER 1000:1000',
];

const stages = Array.from({ length: 38 }, (_, index) => {
  const from = index === 0 ? 'FROM debian AS stage-a0' : `FROM stage-a${index - 1} AS stage-a${index}`;
  return [from, ...stageLines].join('\n').replaceAll('N', String(index));
});
const text = `${stages.join('\n')}\n`;

async function planMs(): Promise<number> {
  const startMs = performance.now();
  using plan = planBuild(text);
  const last = plan.dockerfile.stages.at(-1);
  if (last !== undefined) await plan.lowering.target(last);
  return performance.now() - startMs;
}

const firstMs = await planMs();
const times: number[] = [];
for (let round = 0; round < 100; round += 1) times.push(await planMs());
const medianMs = times.toSorted((a, b) => a - b)[50] ?? 0;
console.log(
  `${text.split('\n').length - 1} lines: first ${firstMs.toFixed(1)} ms, median of 100 ${medianMs.toFixed(2)} ms`,
);
