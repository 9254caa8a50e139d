import type { Change, ListCount, Reason } from '../solver/index.ts';
import { showBytes } from '../std/index.ts';

/** Why a step is not reused, as one line for people, without the step's name. */
export function reasonText(reason: Reason): string {
  if (reason.kind === 'never-built') return 'it was never built before';
  if (reason.kind === 'base-changed') return 'what it builds on changed';
  if (reason.kind === 'result-missing') return 'its earlier result is no longer in the store';
  if (reason.kind === 'cache-off') return 'the cache is off';
  return changesText(reason.changes, reason.counts);
}

function changesText(changes: readonly Change[], counts: readonly ListCount[]): string {
  const files = counts.find((count) => count.field === 'files');
  const others = changes.filter((change) => change.field !== 'files').map(changeText);
  const parts = [...others, ...(files === undefined ? [] : [filesText(changes, files)])];
  return parts.length <= namedChanges ? parts.join('; ') : `${parts.slice(0, namedChanges).join('; ')}; …`;
}

function filesText(changes: readonly Change[], { changed, total }: ListCount): string {
  const named = changes.filter((change) => change.field === 'files').slice(0, namedChanges);
  const list = named.map((change) => `${shown(change.item)} (${attributesOf(change)})`).join(', ');
  return `${changed} of ${total} files changed: ${list}${changed > named.length ? ', …' : ''}`;
}

function attributesOf(change: Change): string {
  if (change.kind !== 'changed') return change.kind;
  return (change.attributes ?? []).map(showBytes).join(', ');
}

function changeText(change: Change): string {
  const name = change.item === undefined ? shown(change.field) : `${shown(change.field)} ${shown(change.item)}`;
  if (change.kind === 'added') return `${name} added${valueText(': ', change.after)}`;
  if (change.kind === 'removed') return `${name} removed`;
  const from = valueText(' from ', change.before);
  return `${name} changed${from}${valueText(' to ', change.after)}`;
}

function valueText(before: string, value: Change['after']): string {
  if (value === undefined) return '';
  const text = showBytes(value);
  return `${before}'${text.length > shownChars ? `${text.slice(0, shownChars)}…` : text}'`;
}

function shown(name: Change['item']): string {
  return name === undefined ? '' : showBytes(name);
}

const namedChanges = 3;
const shownChars = 80;
