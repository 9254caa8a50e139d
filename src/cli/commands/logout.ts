import type { Registries } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';

interface Needs {
  readonly registries: Pick<Registries, 'logout'>;
}

export const logout = defineCommand({
  usage: '[SERVER]',
  operands: { min: 0, max: 1 },
  flags: {},
  run: async ({ operands: [server = 'docker.io'] }, context: Context<Needs>) => {
    const { registries } = await context.openEngine();
    const isGone = await registries.logout(server);
    context.stdout.print(isGone ? `Removing login credentials for ${server}\n` : `Not logged in to ${server}\n`);
    return 0;
  },
});
