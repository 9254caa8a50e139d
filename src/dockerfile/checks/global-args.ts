import type { Dockerfile } from '../dockerfile.ts';
import { expandWord } from '../expand.ts';
import type { CheckFacts } from './check-facts.ts';
import type { CheckLog } from './check-report.ts';

/** The ARGs above the first FROM, and those that are there undeclared. */
export interface GlobalArgs {
  /** As if none were given on the command line. */
  readonly defaults: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, string>;
  /** Names that FROM may use, those without a value too. */
  readonly names: ReadonlySet<string>;
}

export function readGlobalArgs(dockerfile: Dockerfile, facts: CheckFacts, log: CheckLog): GlobalArgs {
  const declared = dockerfile.metaArgs.flatMap(({ args }) => args.map(({ name }) => name.text));
  const quiet = { ...log, refuse: () => {} };
  return {
    defaults: valuesOf(dockerfile, { ...facts, buildArgs: new Map() }, quiet),
    values: valuesOf(dockerfile, facts, log),
    names: new Set([...declared, ...facts.platformArgs.keys()]),
  };
}

type Given = Pick<CheckFacts, 'buildArgs' | 'platformArgs'>;

function valuesOf({ metaArgs, directives }: Dockerfile, given: Given, log: CheckLog): ReadonlyMap<string, string> {
  const { buildArgs, platformArgs } = given;
  const values = new Map([...platformArgs].map(([name, value]) => [name, buildArgs.get(name) ?? value]));
  const options = { env: (name: string) => values.get(name), escape: directives.escape };
  for (const instruction of metaArgs) {
    for (const { name, defaultValue } of instruction.args) {
      const own = buildArgs.get(name.text);
      if (own !== undefined) values.set(name.text, own);
      if (own !== undefined || defaultValue === undefined) continue;
      const result = expandWord(defaultValue.text, options);
      if (result.kind === 'failed') log.refuse(result.message, { instruction, word: defaultValue });
      else values.set(name.text, result.value);
    }
  }
  return values;
}
