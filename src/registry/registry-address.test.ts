import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registryAddress } from './registry-address.ts';

const origins: readonly (readonly [string, string])[] = [
  ['docker.io', 'https://registry-1.docker.io'],
  ['ghcr.io', 'https://ghcr.io'],
  ['example.com:5000', 'https://example.com:5000'],
  ['localhost', 'http://localhost'],
  ['localhost:5000', 'http://localhost:5000'],
  ['127.0.0.2:5000', 'http://127.0.0.2:5000'],
  ['[::1]:5000', 'http://[::1]:5000'],
  ['localhost.example.com', 'https://localhost.example.com'],
  ['127.0.0.1.example.com', 'https://127.0.0.1.example.com'],
  ['declared:5000', 'http://declared:5000'],
];

for (const [registry, origin] of origins) {
  test(`${registry} is asked at ${origin}`, () => {
    assert.equal(registryAddress(registry, new Set(['declared:5000'])).origin, origin);
  });
}
