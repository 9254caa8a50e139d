const farthest = 2;

/**
 * The candidate that `word` was probably meant to be: at most two letters added, dropped or changed. The case of the
 * answer follows the word's unless `exactCase` is set. Nothing where the word is itself a candidate.
 */
export function suggest(
  word: string,
  candidates: readonly string[],
  options: { readonly exactCase: boolean },
): string | undefined {
  if (word.length > 40) return undefined;
  const fold = (text: string): string => (options.exactCase ? text : text.toLowerCase());
  let best: string | undefined;
  let bestDistance = farthest + 1;
  for (const candidate of candidates) {
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

function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
