/**
 * The modules in order, each with what it may import: `src/<module>/` may only use modules that stand here, through
 * their doors. `tidy.test.ts` checks it. The table is that of ARCHITECTURE.md.
 */
const base = ['errors', 'std'] as const;

export const moduleOrder: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['errors', []],
  ['std', ['errors']],
  ['oci', base],
  ['tar', base],
  ['erofs', [...base, 'tar']],
  ['dockerfile', base],
  ['solver', base],
  ['http', base],
  ['host', base],
  ['state', [...base, 'host']],
  ['blob', [...base, 'oci', 'host', 'state']],
  ['layer', [...base, 'oci', 'tar', 'erofs', 'host', 'state', 'blob']],
  ['snapshot', [...base, 'oci', 'tar', 'erofs', 'host', 'state', 'blob', 'layer']],
  ['source', [...base, 'http', 'oci', 'host', 'state', 'blob']],
  ['registry', [...base, 'http', 'oci', 'tar', 'host', 'state', 'blob']],
  ['image', [...base, 'oci', 'tar', 'host', 'state', 'blob', 'layer', 'registry']],
  ['registry-server', [...base, 'oci']],
  ['runtime', [...base, 'oci', 'host', 'state']],
  ['network', [...base, 'host', 'state']],
  [
    'build',
    [
      ...base,
      'oci',
      'tar',
      'erofs',
      'dockerfile',
      'solver',
      'host',
      'state',
      'blob',
      'layer',
      'snapshot',
      'source',
      'image',
      'runtime',
      'network',
    ],
  ],
  [
    'engine',
    [
      ...base,
      'http',
      'oci',
      'tar',
      'erofs',
      'dockerfile',
      'solver',
      'host',
      'state',
      'blob',
      'layer',
      'snapshot',
      'source',
      'registry',
      'registry-server',
      'image',
      'runtime',
      'network',
      'build',
    ],
  ],
  ['api', [...base, 'oci', 'registry-server', 'engine']],
  ['cli', [...base, 'oci', 'engine', 'api']],
]);

/** Modules that touch no file, process, socket or clock. */
export const pureModules = ['errors', 'std', 'oci', 'tar', 'erofs', 'dockerfile', 'solver', 'registry-server'];
