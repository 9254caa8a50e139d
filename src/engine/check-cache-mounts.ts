import type { Checking } from './check-findings.ts';

/**
 * Caches stand twice, as records and as files beside their folders: each is made again from the other. What dead processes
 * did not fill is a left-over.
 */
export async function checkCacheMounts({ store, repair, findings }: Checking): Promise<void> {
  for (const problem of await store.cacheMounts.check()) {
    if (repair) await problem.repair();
    if (problem.kind === 'error') findings.error(problem.message, repair);
    else findings.leftover(problem.message, repair);
  }
}
