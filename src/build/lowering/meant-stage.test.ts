import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from '../../dockerfile/index.ts';
import { Fault } from '../../errors/index.ts';
import { hintAtStage } from './meant-stage.ts';

const { stages } = parseDockerfile('FROM a AS builder\nFROM b\n');

test('an image that cannot be had, and is nearly called as a stage, leads to a hint at the stage', () => {
  const missing = new Fault('not-found', 'pull buidler: no such image');
  const hinted = hintAtStage(missing, 'Buidler', stages);
  assert.ok(Fault.is(hinted, 'not-found'));
  assert.deepEqual([hinted.message, hinted.hint], [missing.message, 'did you mean the stage builder?']);
  const other = hintAtStage(new Fault('unavailable', 'x', { hint: 'is the network up?' }), 'bulder', stages);
  assert.equal(Fault.is(other) && other.hint, 'is the network up?; or did you mean the stage builder?');
});

test('nothing is guessed of other names, and what was cancelled stays as it is', () => {
  const missing = new Fault('not-found', 'pull debian: no such image');
  assert.equal(hintAtStage(missing, 'debian', stages), missing);
  const cancelled = new Fault('cancelled', 'x');
  assert.equal(hintAtStage(cancelled, 'buidler', stages), cancelled);
});
