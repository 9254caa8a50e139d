import type { Registries } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { escapeJsonControls } from '../escape-controls.ts';
import { toggle } from '../flags.ts';
import { tlsVerifyFlag } from '../tls-verify.ts';

interface Needs {
  readonly registries: Pick<Registries, 'manifest'>;
}

export const manifestInspect = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  operands: { min: 1, max: 1 },
  flags: {
    insecure: toggle('The same as --tls-verify=false'),
    raw: toggle('Print the very bytes that the registry has, whose hash is the digest'),
    'tls-verify': tlsVerifyFlag(),
  },
  run: async ({ flags, operands: [name = ''] }, context: Context<Needs>) => {
    const tlsVerify = flags['tls-verify'] && !flags.insecure;
    const { registries } = await context.openEngine();
    const { bytes } = await registries.manifest(name, { tlsVerify, signal: context.signal });
    await context.stdout.write(flags.raw ? bytes : indented(bytes));
    return 0;
  },
});

/**
 * As Docker writes manifests, and shows them, unless it is nested deeper than any: blanks would then outgrow it by far. A
 * terminal would obey what JSON has of control characters: they are written as JSON can.
 */
function indented(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  const document: unknown = JSON.parse(text);
  const shown = depthOf(text) > maxDepth ? JSON.stringify(document) : JSON.stringify(document, undefined, 3);
  return `${escapeJsonControls(shown)}\n`;
}

const maxDepth = 100;

/** Strings are passed over as a whole, with the brackets in them. */
const tokens = /"(?:[^"\\]|\\.)*"|[[\]{}]/g;

function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  for (const [bracket] of text.matchAll(tokens)) {
    if (bracket === '[' || bracket === '{') depth += 1;
    else if (bracket === ']' || bracket === '}') depth -= 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}
