import { compileIgnorePattern, type IgnorePattern } from './ignore-pattern.ts';
import { cleanPath } from './ignore-rules.ts';
import { trim } from './white-space.ts';

export type PathPatterns =
  | { readonly kind: 'patterns'; readonly patterns: readonly IgnorePattern[] }
  /** The first one that cannot be read. */
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Reads patterns that are given one by one, as `--exclude` has them: those of an ignore file, but for a slash at the
 * beginning, which is kept and so matches nothing. Empty ones mean nothing.
 */
export function readPathPatterns(texts: readonly string[]): PathPatterns {
  const patterns: IgnorePattern[] = [];
  for (const [index, text] of texts.entries()) {
    const trimmed = trim(text);
    if (trimmed === '') continue;
    const cleaned = cleanPath(trimmed);
    if (cleaned === '!') return { kind: 'invalid', message: 'illegal exclusion pattern: "!"' };
    const pattern = compileIgnorePattern(cleaned, { line: index + 1, text: trimmed });
    if (pattern === undefined) return { kind: 'invalid', message: 'syntax error in pattern' };
    patterns.push(pattern);
  }
  return { kind: 'patterns', patterns };
}
