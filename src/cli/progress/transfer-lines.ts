import type { TransferEvent } from '../../engine/index.ts';
import { formatSize, shortId } from '../human.ts';
import { splitReference } from '../reference-display.ts';

const words = { exists: 'Already exists', waiting: 'Pulling fs layer', done: 'Pull complete' } as const;

/** A transfer as lines, as Docker prints them where there is no terminal: one for each state of a layer. */
export function createTransferLines(): (event: TransferEvent) => string {
  const last = new Map<string, string>();
  const started = new Set<string>();
  const tell = (digest: string, state: string): string => {
    if (last.get(digest) === state) return '';
    last.set(digest, state);
    return `${shortId(digest)}: ${state}\n`;
  };
  return (event) => {
    switch (event.kind) {
      case 'resolved':
        return formatResolved(event.reference);
      case 'layer':
        return tell(event.digest, words[event.state]);
      case 'bytes':
        if (started.has(event.digest)) return '';
        started.add(event.digest);
        return (last.has(event.digest) ? '' : tell(event.digest, words.waiting)) + resuming(event);
      case 'warning':
        return `WARNING: ${event.message}\n`;
    }
  };
}

/** The first that is heard of a download's bytes is what is here of it from an earlier one. */
function resuming({ digest, doneBytes, totalBytes }: Extract<TransferEvent, { readonly kind: 'bytes' }>): string {
  if (doneBytes === 0) return '';
  return `${shortId(digest)}: Resuming at ${formatSize(doneBytes, 4)} of ${formatSize(totalBytes, 4)}\n`;
}

/** `latest: Pulling from library/alpine` */
export function formatResolved(reference: string): string {
  const { path, tag, digest } = splitReference(reference);
  return `${tag ?? digest ?? 'latest'}: Pulling from ${path}\n`;
}
