const farthest = 2;
const longestWord = 64;

/**
 * The candidate that `word` was probably meant to be: at most two letters added, dropped or changed, or two that
 * changed places. The case of the answer follows the word's unless `exactCase` is set. Nothing where the word is itself a candidate.
 */
export function suggest(
  word: string,
  candidates: readonly string[],
  options: { readonly exactCase: boolean },
): string | undefined {
  if (word.length > longestWord) return undefined;
  const fold = (text: string): string => (options.exactCase ? text : text.toLowerCase());
  let best: string | undefined;
  let bestDistance = farthest + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > farthest) continue;
    const distance = editDistance(fold(word), fold(candidate));
    if (distance === 0) return undefined;
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined || options.exactCase ? best : inCaseOf(word, best);
}

/** ` (did you mean X?)`, or nothing. */
export function didYouMean(
  word: string,
  candidates: readonly string[],
  options: { readonly exactCase: boolean } = { exactCase: true },
): string {
  const match = suggest(word, candidates, options);
  return match === undefined ? '' : ` (did you mean ${match}?)`;
}

function inCaseOf(model: string, word: string): string {
  if (model === model.toLowerCase()) return word.toLowerCase();
  return model === model.toUpperCase() ? word.toUpperCase() : word;
}

/** Two letters that changed places: likelier than two other mistakes, so that it wins against these. */
const swapCost = 1.5;

/** Letters to add, drop, change, or swap with their neighbour. */
function editDistance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = isSwap ? (before[j - 2] ?? Infinity) + swapCost : Infinity;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[to.length] ?? 0;
}
