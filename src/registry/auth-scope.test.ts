import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeScopes, repositoryScope } from './auth-scope.ts';

test('scopes on one repository become one, with all actions; what has another form stays as it is', () => {
  const [pull, push] = [repositoryScope('a/b', 'pull'), repositoryScope('a/b', 'pull,push')];
  assert.deepEqual(mergeScopes([push, pull]), ['repository:a/b:pull,push']);
  assert.deepEqual(mergeScopes([pull, 'repository:a/b:delete', '']), ['repository:a/b:delete,pull']);
  assert.deepEqual(mergeScopes([pull, repositoryScope('c', 'pull')]), ['repository:a/b:pull', 'repository:c:pull']);
  assert.deepEqual(mergeScopes(['registry:catalog:*', 'odd']), ['registry:catalog:*', 'odd']);
});
