import type { TransferEvent } from '../../engine/index.ts';
import { shortId } from '../human.ts';
import { splitReference } from '../reference-display.ts';

const words = { exists: 'Already exists', waiting: 'Pulling fs layer', done: 'Pull complete' } as const;

/** A transfer as lines, as Docker prints them where there is no terminal: one for each state of a layer. */
export function createTransferLines(): (event: TransferEvent) => string {
  const last = new Map<string, string>();
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
        return last.has(event.digest) ? '' : tell(event.digest, words.waiting);
      case 'warning':
        return `WARNING: ${event.message}\n`;
    }
  };
}

/** `latest: Pulling from library/alpine` */
export function formatResolved(reference: string): string {
  const { path, tag, digest } = splitReference(reference);
  return `${tag ?? digest ?? 'latest'}: Pulling from ${path}\n`;
}
