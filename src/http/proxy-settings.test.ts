import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxySettings } from './proxy-settings.ts';

test('proxies are taken from the environment in either case, never for this machine itself', () => {
  assert.deepEqual(proxySettings({ https_proxy: 'http://proxy:3128', NO_PROXY: 'intern' }), {
    HTTP_PROXY: '',
    HTTPS_PROXY: 'http://proxy:3128',
    NO_PROXY: 'intern,localhost,127.0.0.1,::1',
  });
});

test('without a proxy there is nothing to make exceptions from', () => {
  assert.deepEqual(proxySettings({ HTTP_PROXY: '', NO_PROXY: 'intern' }), {});
});
