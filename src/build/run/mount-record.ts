import type { RecordFields } from '../../solver/index.ts';
import { bytesOf, type ByteString } from '../../std/index.ts';
import type { MountedContent, RunMount } from './run-mount.ts';

/**
 * What a RUN's record says of its mounts: where they are and what they show. Of a cache neither the content nor how it is
 * shared, of a secret and an agent only how it is asked for: none of these makes a step run again.
 */
export function mountFields(
  mounts: readonly RunMount[],
  nameOf: (content: MountedContent) => ByteString,
): RecordFields {
  const items = mounts.map((mount, index) => [`${index + 1}`.padStart(3, '0'), fieldsOf(mount, nameOf)] as const);
  return Object.fromEntries(items);
}

/** What has to be known before there is a record. */
export function contentsOf(mounts: readonly RunMount[]): readonly MountedContent[] {
  return mounts.flatMap((mount) => contentOf(mount) ?? []);
}

function contentOf(mount: RunMount): MountedContent | undefined {
  if (mount.kind === 'bind') return mount.content;
  return mount.kind === 'cache' ? mount.seed : undefined;
}

function fieldsOf(mount: RunMount, nameOf: (content: MountedContent) => ByteString): RecordFields {
  const content = contentOf(mount);
  const shown = content === undefined ? {} : { content: nameOf(content) };
  return { type: bytesOf(mount.kind), ...texts(mount), ...shown };
}

function texts(mount: RunMount): RecordFields {
  switch (mount.kind) {
    case 'bind':
      return fields({ target: mount.target, access: accessOf(mount) });
    case 'cache':
      return fields({ target: mount.target, access: accessOf(mount), id: mount.id, ...ownership(mount) });
    case 'tmpfs':
      return fields({ target: mount.target, access: accessOf(mount), size: mount.sizeBytes });
    case 'secret':
      return fields({ target: mount.target, env: mount.env, id: mount.id, ...ownership(mount) });
    case 'ssh':
      return fields({ target: mount.target, id: mount.id, ...ownership(mount) });
  }
}

function accessOf({ readOnly }: { readonly readOnly: boolean }): string {
  return readOnly ? 'ro' : 'rw';
}

function ownership({ uid, gid, mode }: { uid: number; gid: number; mode: number }): Record<string, string> {
  return { owner: `${uid}:${gid}`, mode: mode.toString(8) };
}

/** Those that there are. */
function fields(values: Readonly<Record<string, string | number | undefined>>): RecordFields {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, bytesOf(String(value))]));
}
