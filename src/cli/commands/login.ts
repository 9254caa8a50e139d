import type { Registries } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text, toggle, type FlagValues } from '../flags.ts';
import { Prompt } from '../prompt.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly registries: Pick<Registries, 'login'>;
}

const flagSet = {
  password: text('Password or token; other users of the machine may see it while the command runs', { short: 'p' }),
  'password-stdin': toggle('Take the password from standard input'),
  'tls-verify': tlsVerifyFlag(),
  username: text('User name', { short: 'u' }),
};

export const login = defineCommand({
  usage: '[OPTIONS] [SERVER]',
  operands: { min: 0, max: 1 },
  flags: flagSet,
  run: async ({ flags, operands: [server] }, context: Context<Needs>) => {
    requireSense(flags);
    if (flags.password !== undefined) {
      context.stderr.print('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    }
    const account = await askFor(flags, context);
    const { registries } = await context.openEngine();
    const { signal } = context;
    const { keptIn } = await registries.login({ server, ...account, tlsVerify: flags['tls-verify'], signal });
    if (keptIn.kind === 'file') {
      context.stderr.print(`WARNING! Your credentials are stored unencrypted in '${keptIn.path}'.\n`);
    }
    context.stdout.print('Login Succeeded\n');
    return 0;
  },
});

type Flags = FlagValues<typeof flagSet>;

function requireSense(flags: Flags): void {
  if (!flags['password-stdin']) return;
  if (flags.password !== undefined) {
    throw new Fault('invalid', '--password and --password-stdin are mutually exclusive');
  }
  if (flags.username === undefined) throw new Fault('invalid', 'must provide --username with --password-stdin');
}

interface Account {
  readonly username: string;
  readonly password: string;
}

async function askFor(flags: Flags, context: Context<Needs>): Promise<Account> {
  const prompt = new Prompt(context);
  if (flags['password-stdin']) {
    return { username: flags.username ?? '', password: (await prompt.rest()).replace(/\r?\n$/, '') };
  }
  const username = flags.username ?? (await prompt.line('Username: '));
  const password = flags.password ?? (await prompt.hidden('Password: '));
  if (username === '' || password === '') throw new Fault('invalid', 'log in: user name and password are required');
  return { username, password };
}
