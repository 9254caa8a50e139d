import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeControls, escapeJsonControls } from './escape-controls.ts';
import { formatTable } from './table.ts';

const evil = '\u001b[2J\u009b31m\u007fgone\r';

test('what a terminal would obey is shown, and line ends and tabs stay', () => {
  assert.equal(escapeControls(`a\n\t${evil}é`), 'a\n\t\\x1b[2J\\x9b31m\\x7fgone\\x0dé');
});

test('JSON without control characters means the same', () => {
  const json = escapeJsonControls(JSON.stringify({ evil }));
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(json, /[\x00-\x1f\x7f-\x9f]/);
  assert.deepEqual(JSON.parse(json), { evil });
});

test('a table says what an image says of itself, and obeys none of it', () => {
  const rows = [
    ['ID', 'CREATED BY'],
    ['1', evil],
  ];
  assert.equal(formatTable(rows), `ID        CREATED BY\n1         ${escapeControls(evil)}\n`);
});
