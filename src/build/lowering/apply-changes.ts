import { parseTrigger } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import type { ContainerConfig } from '../../oci/index.ts';
import { applyConfigInstruction, isConfigInstruction } from './config-instructions.ts';
import { expanderFor } from './expander.ts';
import { variablesOf } from './stage-draft.ts';

/**
 * What instructions given one by one make of a config: `commit -c`, `import -c`. They may be those that only change the
 * config; Fault `invalid` for others, and for what is no instruction.
 */
export function applyChanges(
  config: ContainerConfig,
  changes: readonly string[],
): { readonly config: ContainerConfig; readonly author: string | undefined } {
  let changed = config;
  let author: string | undefined;
  for (const text of changes) {
    const instruction = parsedChange(text);
    const variables = variablesOf(changed);
    const source = { name: 'change', text };
    const expand = expanderFor(source, instruction, { env: (name) => variables.get(name), escape: '\\' });
    const change = applyConfigInstruction(changed, instruction, { expand, ownCommand: true });
    changed = change.config;
    author = change.author ?? author;
  }
  return { config: changed, author };
}

type ConfigInstruction = Parameters<typeof applyConfigInstruction>[1];

function parsedChange(text: string): ConfigInstruction {
  const trigger = parseTrigger(text);
  if (trigger.kind === 'invalid') {
    const messages = trigger.diagnostics.map((each) => each.message).join('; ');
    throw new Fault('invalid', `apply change ${JSON.stringify(text)}: ${messages}`);
  }
  if (isConfigInstruction(trigger.instruction)) return trigger.instruction;
  throw new Fault('invalid', `${trigger.instruction.keyword.text} is not a valid change command`, {
    hint: 'changes are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, USER, VOLUME, WORKDIR and the like',
  });
}
