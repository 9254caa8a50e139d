import type { Diagnostic, Severity } from './diagnostic.ts';

/** Beyond this many errors a file is something else than a Dockerfile, and reading stops. */
const maxErrors = 100;

/** Collects what is wrong with a file while it is read. */
export interface Findings {
  report(problem: Omit<Diagnostic, 'severity'> & { readonly severity?: Severity }): void;
  isFull(): boolean;
  /** In the order of the source. */
  sorted(): readonly Diagnostic[];
}

export function createFindings(): Findings {
  const diagnostics: Diagnostic[] = [];
  let errors = 0;
  return {
    report(problem) {
      const severity = problem.severity ?? 'error';
      if (severity === 'error') errors++;
      diagnostics.push({ ...problem, severity });
    },
    isFull: () => errors >= maxErrors,
    sorted: () => diagnostics.toSorted((a, b) => startOf(a) - startOf(b)),
  };
}

function startOf(diagnostic: Diagnostic): number {
  return diagnostic.instruction.start.line;
}
