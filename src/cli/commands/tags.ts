import type { Registries } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly registries: Pick<Registries, 'tags'>;
}

export const tags = defineCommand({
  usage: '[OPTIONS] NAME',
  operands: { min: 1, max: 1 },
  flags: { 'tls-verify': tlsVerifyFlag() },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const { registries } = await context.openEngine();
    const { signal, stdout } = context;
    for await (const tag of registries.tags(name, { tlsVerify: flags['tls-verify'], signal })) {
      await stdout.write(`${tag}\n`);
    }
    return 0;
  },
});
