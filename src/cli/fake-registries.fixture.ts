import type { Engine, PushProgress } from '../engine/index.ts';
import { plain, type Call } from './fake-containers.fixture.ts';

export const pushProgress: readonly PushProgress[] = [
  ...(['1', '2', '3'] as const).map((digit) => ({
    kind: 'layer' as const,
    digest: `sha256:${digit.repeat(64)}`,
    state: 'preparing' as const,
  })),
  { kind: 'layer', digest: `sha256:${'1'.repeat(64)}`, state: 'exists' },
  { kind: 'layer', digest: `sha256:${'2'.repeat(64)}`, state: 'mounted', from: 'registry.test/library/base' },
  { kind: 'layer', digest: `sha256:${'3'.repeat(64)}`, state: 'waiting' },
  { kind: 'bytes', digest: `sha256:${'3'.repeat(64)}`, doneBytes: 500, totalBytes: 1000 },
  { kind: 'layer', digest: `sha256:${'3'.repeat(64)}`, state: 'done' },
];

/** Registries that let everybody in, and have one repository. */
export function fakeRegistries(calls: Call[]): Engine['registries'] {
  return {
    login: async (options) => {
      calls.push(['login', plain(options)]);
      const keptIn = { kind: 'file', path: '/root/.docker/config.json' } as const;
      return { server: options.server ?? 'docker.io', keptIn };
    },
    logout: async (server) => {
      calls.push(['logout', server]);
      return server !== 'nowhere.test';
    },
    tags: async function* tags(repository, options) {
      calls.push(['tags', repository, plain(options)]);
      yield* ['1', '2'];
    },
    manifest: async (reference, options) => {
      calls.push(['manifest', reference, plain(options)]);
      const bytes = Buffer.from('{"schemaVersion":2,"layers":[]}');
      return { digest: `sha256:${'d'.repeat(64)}`, mediaType: 'application/json', bytes };
    },
    referrers: async (reference, options) => {
      calls.push(['referrers', reference, plain(options)]);
      const common = { artifactType: 'application/spdx+json', annotations: { by: 'scanner', at: 'noon' } };
      return [
        { digest: `sha256:${'e'.repeat(64)}`, sizeBytes: 1234, ...common },
        { digest: `sha256:${'f'.repeat(64)}`, sizeBytes: 5, artifactType: '', annotations: {} },
      ];
    },
  };
}
