/**
 * Text as a terminal may have it: what names and messages from outside hold of control characters stands as `\xNN`, so that
 * none moves the cursor, changes colours or pretends to be a line of ours. Line ends and tabs stay.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(controls, escaped);
}

/** JSON as a terminal may have it: it means the same. Only those above ASCII can stand in JSON as they are. */
export function escapeJsonControls(json: string): string {
  return json.replaceAll(/[\x7f-\x9f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// oxlint-disable-next-line no-control-regex
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

function escaped(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
