import { never, openContainers, openTestStore } from './containers.fixture.ts';

/** What other processes do to a store in tests: `FOLDER ended ID`, `FOLDER run NAME`, `FOLDER start NAME`. */
const [folder = '', verb, name = ''] = process.argv.slice(2);
const containers = openContainers(openTestStore(folder));
if (verb === 'ended') await containers.containerEnded(name);
if (verb === 'start') await containers.start(name, { attach: false, signal: never });
if (verb === 'run') {
  const session = await containers.start(name, { attach: true, signal: never });
  for await (const { bytes } of session.output ?? []) process.stdout.write(bytes);
  process.exitCode = await session.wait();
}
