/**
 * Wildcard patterns as programs: a linear matcher that no pattern and no text can send into exponential time, for
 * `${name#pattern}` and for ignore rules alike. Texts are lists of code points.
 */
export type WildcardStep =
  /** One code point that is accepted; with `repeat` any number of them, also none. */
  | { readonly kind: 'accept'; readonly repeat: boolean; readonly accepts: (codePoint: number) => boolean }
  /** The next `count` steps may be left out. */
  | { readonly kind: 'optional'; readonly count: number };

export type WildcardProgram = readonly WildcardStep[];

/** Counts down the work that a caller allows. Once it is below zero, matching has stopped, and its result is void. */
export interface WorkBudget {
  left: number;
}

export function oneOf(codePoint: number): WildcardStep {
  return { kind: 'accept', repeat: false, accepts: (each) => each === codePoint };
}

/**
 * Where a match that begins at `from` may end: the nearest such place or the farthest; -1 where there is none. The
 * work is at most the length of the program times that of the text.
 */
export function matchEnd(
  program: WildcardProgram,
  text: readonly number[],
  options: { readonly from: number; readonly longest: boolean; readonly budget: WorkBudget },
): number {
  let active = new Uint8Array(program.length + 1);
  let next = new Uint8Array(program.length + 1);
  reach(program, active, 0);
  let end = -1;
  for (let at = options.from; ; at++) {
    if (active[program.length] === 1) {
      end = at;
      if (!options.longest) return end;
    }
    const codePoint = text[at];
    if (codePoint === undefined || (options.budget.left -= program.length + 1) < 0) return end;
    if (!advance(program, codePoint, { active, next })) return end;
    [active, next] = [next, active];
  }
}

function advance(
  program: WildcardProgram,
  codePoint: number,
  states: { readonly active: Uint8Array; readonly next: Uint8Array },
): boolean {
  const { active, next } = states;
  next.fill(0);
  let isAlive = false;
  for (let index = active.indexOf(1); index >= 0; index = active.indexOf(1, index + 1)) {
    const step = program[index];
    if (step?.kind !== 'accept' || !step.accepts(codePoint)) continue;
    reach(program, next, step.repeat ? index : index + 1);
    isAlive = true;
  }
  return isAlive;
}

/** Marks `index` and all that can be reached from there without reading. */
function reach(program: WildcardProgram, states: Uint8Array, index: number): void {
  let at = index;
  while (states[at] !== 1) {
    states[at] = 1;
    const step = program[at];
    if (step === undefined || (step.kind === 'accept' && !step.repeat)) return;
    if (step.kind === 'optional') reach(program, states, at + 1 + step.count);
    at++;
  }
}
