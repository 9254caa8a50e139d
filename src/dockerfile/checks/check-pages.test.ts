import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseDockerfile } from '../dockerfile.ts';
import { parseIgnore } from '../ignore-rules.ts';
import { checkDockerfile } from './check-dockerfile.ts';
import { facts } from './check-facts.fixture.ts';
import { checkPage, checkRuleNames } from './check-rules.ts';

const root = join(import.meta.dirname, '../../..');
const index = readFileSync(join(root, 'docs/checks/README.md'), 'utf8');

test('every check has its page, every page its check, and the index has them all', () => {
  const pages = readdirSync(join(root, 'docs/checks')).filter((name) => name !== 'README.md');
  const expected = checkRuleNames.map((rule) => checkPage(rule).replace('docs/checks/', ''));
  assert.deepEqual(pages.toSorted(), expected.toSorted());
  for (const rule of checkRuleNames) {
    assert.ok(index.includes(`[${rule}](${checkPage(rule).replace('docs/checks/', '')})`), rule);
  }
});

for (const rule of checkRuleNames) {
  test(`${rule}: the page's bad example is found fault with, the good one is not`, () => {
    const page = readFileSync(join(root, checkPage(rule)), 'utf8');
    assert.ok(page.startsWith(`# ${rule}\n`));
    const [bad, ...good] = blocks(page, 'dockerfile');
    const [ignore = ''] = blocks(page, 'dockerignore');
    assert.deepEqual(rulesFound(bad ?? '', ignore), [rule]);
    assert.ok(good.length > 0);
    for (const each of good) assert.deepEqual(rulesFound(each, ignore), []);
  });
}

function blocks(page: string, language: string): readonly string[] {
  return Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm')), (match) => match[1] ?? '');
}

function rulesFound(text: string, ignore: string): readonly string[] {
  const { findings } = checkDockerfile(parseDockerfile(text), { ...facts, ignore: parseIgnore(ignore) });
  return findings.map((finding) => finding.rule);
}
