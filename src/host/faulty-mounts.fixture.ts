import { Fault } from '../errors/index.ts';
import type { Mounts } from './mounts.ts';

/** Mounts of which the call number `failAt` (the first is 1) fails with `fault`, before it has done anything. */
export function faultyMounts(
  inner: Mounts,
  failAt: number,
  fault: Fault = injected,
): Mounts & { readonly calls: () => number } {
  let calls = 0;
  const count = (): void => {
    if ((calls += 1) === failAt) throw fault;
  };
  const counted =
    <A extends unknown[], R>(method: (...args: A) => R) =>
    (...args: A): R => {
      count();
      return method(...args);
    };
  return {
    erofs: counted(inner.erofs),
    overlay: counted(inner.overlay),
    bind: counted(inner.bind),
    tmpfs: counted(inner.tmpfs),
    attach: counted(inner.attach),
    unmount: counted(inner.unmount),
    list: inner.list,
    calls: () => calls,
  };
}

const injected = new Fault('exhausted', 'injected failure');
