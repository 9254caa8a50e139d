/**
 * White space as the language means it, which is Unicode's property and not JavaScript's `\s`: U+0085 belongs to it,
 * the byte-order mark does not.
 */
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const leading = new RegExp(`^[${space}]+`);
const spaces = new RegExp(`[${space}]+`);
const oneSpace = new RegExp(`[${space}]`);

export function isSpace(char: string): boolean {
  const code = char.charCodeAt(0);
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return code >= 0x80 && oneSpace.test(char);
}

export function trimStart(text: string): string {
  return isSpace(text.charAt(0)) ? text.replace(leading, '') : text;
}

export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

export function trim(text: string): string {
  return trimEnd(trimStart(text));
}

/** The parts between blanks; the first or last is empty where the text begins or ends with one. */
export function splitAtSpaces(text: string): string[] {
  return text.split(spaces);
}
