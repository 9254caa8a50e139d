/** How many columns of a terminal the text takes: two for each character of the wide scripts and for pictographs. */
export function displayWidth(text: string): number {
  return [...text].reduce((width, character) => width + widthOf(character), 0);
}

/** The beginning of `text` that fits into so many columns. */
export function cutToWidth(text: string, columns: number): string {
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += widthOf(character);
    if (used > columns) return kept;
    kept += character;
  }
  return text;
}

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (code < 0x370 || (code >= 0x200b && code <= 0x200f) || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    code >= 0x20000;
  return isWide ? 2 : 1;
}
