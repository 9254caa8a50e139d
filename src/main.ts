import packageJson from '../package.json' with { type: 'json' };
import { runProgram } from './cli/index.ts';

/** Starts this program again: the interpreter with its options, and the script. */
const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];

/** Node ends when nothing is left to wait for, also with a promise that nobody will keep: that is no success. */
process.once('beforeExit', () => {
  process.stderr.write('Error: internal: the program waits for something that will never come; please report this\n');
  process.exitCode = 1;
});

/** The program: hands this process to the command line, and opens the engine when a command asks for it. */
void runProgram({
  argv: process.argv.slice(2),
  env: process.env,
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  signals: process,
  version: packageJson.version,
  openEngine: async (options) => {
    const { open } = await import('./open.ts');
    return open({ ...options, env: process.env, program });
  },
  now: () => Date.now(),
  exit: (code) => process.exit(code),
}).then((code) => process.exit(code));
