import type { TransferEvent } from './images.ts';

/** Sums up the bytes of all layers on their way, for those who show one number. */
export function transferSum(
  onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void,
): (event: TransferEvent | { readonly kind: 'resolved' }) => void {
  const bytes = new Map<string, { readonly doneBytes: number; readonly totalBytes: number }>();
  return (event) => {
    if (event.kind !== 'bytes') return;
    bytes.set(event.digest, event);
    const all = [...bytes.values()];
    onProgress({
      doneBytes: all.reduce((sum, each) => sum + each.doneBytes, 0),
      totalBytes: all.reduce((sum, each) => sum + each.totalBytes, 0),
    });
  };
}
