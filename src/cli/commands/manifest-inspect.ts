import type { Registries } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { toggle } from '../flags.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly registries: Pick<Registries, 'manifest'>;
}

export const manifestInspect = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  operands: { min: 1, max: 1 },
  flags: {
    raw: toggle('Print the very bytes that the registry has, whose hash is the digest'),
    'tls-verify': tlsVerifyFlag(),
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const { registries } = await context.openEngine();
    const { bytes } = await registries.manifest(name, { tlsVerify: flags['tls-verify'], signal: context.signal });
    await context.stdout.write(flags.raw ? bytes : indented(bytes));
    return 0;
  },
});

function indented(bytes: Uint8Array): string {
  const document: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  return `${JSON.stringify(document, undefined, '\t')}\n`;
}
