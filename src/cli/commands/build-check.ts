import type { CheckedBuild, BuildCheckOptions, Engine } from '../../engine/index.ts';
import type { Context } from '../command.ts';

/** `varve build --check`: prints as `docker build --check` does. The exit code is 1 if there is anything to say. */
export async function printChecks(
  options: BuildCheckOptions,
  format: string | undefined,
  context: Context<Pick<Engine, 'checkBuild'>>,
): Promise<number> {
  const engine = await context.openEngine();
  const checked = await engine.checkBuild(options);
  await context.stdout.write(format === 'json' ? formatJson(checked) : formatText(checked));
  return checked.findings.length + checked.errors.length > 0 ? 1 : 0;
}

function formatText(checked: CheckedBuild): string {
  const { findings, errors } = checked;
  const warnings = findings.map(
    ({ rule, page, message, excerpt }) => `WARNING: ${rule} - ${page}\n${message}\n${excerpt}\n`,
  );
  const refusals = errors.map(({ message, hint, excerpt }) => {
    const hinted = hint === undefined ? '' : ` (${hint})`;
    return `ERROR: ${message}${hinted}\n${excerpt}\n`;
  });
  const verdict = checked.failed && errors.length === 0 ? [`ERROR: ${violations(checked)}\n`] : [];
  return [...summary(checked), ...warnings, ...refusals, ...verdict].join('\n');
}

/** Not a word of completeness where the Dockerfile cannot be built. */
function summary({ findings, errors }: CheckedBuild): readonly string[] {
  const { length } = findings;
  if (length === 0) return errors.length > 0 ? [] : ['Check complete, no warnings found.\n'];
  return [`Check complete, ${length} ${length === 1 ? 'warning has' : 'warnings have'} been found!\n`];
}

function violations({ findings }: CheckedBuild): string {
  return `lint violation found for rules: ${[...new Set(findings.map(({ rule }) => rule))].join(', ')}`;
}

/** The fields that BuildKit's lint results have; `buildErrors` is added where there is more than one error. */
function formatJson(checked: CheckedBuild): string {
  const { findings, name, text } = checked;
  const warnings = findings.map(({ rule, description, page, message, instruction }) => ({
    ruleName: rule,
    description,
    url: page,
    detail: message,
    location: locationOf(instruction),
  }));
  const errors = errorsOf(checked);
  const source = { filename: name, data: Buffer.from(text).toString('base64'), language: 'Dockerfile' };
  const document = {
    warnings: warnings.length === 0 ? null : warnings,
    sources: [source],
    ...(errors.length > 0 && { buildError: errors[0] }),
    ...(errors.length > 1 && { buildErrors: errors }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function errorsOf(checked: CheckedBuild): readonly object[] {
  if (checked.errors.length === 0 && checked.failed) return [{ message: violations(checked), location: {} }];
  return checked.errors.map(({ message, instruction }) => ({ message, location: locationOf(instruction) }));
}

type Lines = CheckedBuild['findings'][number]['instruction'];

/** One range for each line. */
function locationOf({ start, end }: Lines): object {
  const lines = Array.from({ length: end.line - start.line + 1 }, (_, index) => start.line + index);
  return { ranges: lines.map((line) => ({ start: { line }, end: { line } })) };
}
