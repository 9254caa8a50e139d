import type { Containers, Images } from '../../engine/index.ts';
import { Fault } from '../../errors/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { escapeJsonControls } from '../escape-controls.ts';
import { text } from '../flags.ts';
import { compileTemplate } from '../template/go-template.ts';

interface Needs {
  readonly images: Pick<Images, 'inspect'>;
  readonly containers: Pick<Containers, 'inspect'>;
}

export const inspect = defineCommand({
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  flags: {
    format: text("Format output: 'json' or a Go template", { short: 'f' }),
    type: text('Only inspect objects of the given type', { choices: ['container', 'image'] }),
  },
  run: async ({ flags, operands }, context: Context<Needs>) => {
    const format = flags.format === undefined || flags.format === 'json' ? undefined : compileTemplate(flags.format);
    const engine = await context.openEngine();
    const found: unknown[] = [];
    const missing: Error[] = [];
    for (const name of operands) {
      try {
        found.push(inspectOne(name, flags.type, engine));
      } catch (error) {
        if (!Fault.is(error)) throw error;
        missing.push(error);
      }
    }
    if (format !== undefined) for (const each of found) context.stdout.print(`${format.render(each)}\n`);
    else if (flags.format === 'json') context.stdout.print(`${escapeJsonControls(JSON.stringify(found))}\n`);
    else context.stdout.print(`${escapeJsonControls(JSON.stringify(found, undefined, 4))}\n`);
    for (const error of missing) context.report(error);
    return missing.length > 0 ? 1 : 0;
  },
});

/** A container of that name, else an image. */
function inspectOne(name: string, type: string | undefined, { containers, images }: Needs): unknown {
  if (type === 'container') return containers.inspect(name);
  if (type === 'image') return images.inspect(name);
  return ifThere(() => containers.inspect(name)) ?? ifThere(() => images.inspect(name)) ?? noSuchObject(name);
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (Fault.is(error, 'not-found')) return undefined;
    throw error;
  }
}

function noSuchObject(name: string): never {
  throw new Fault('not-found', `no such object: ${name}`);
}
