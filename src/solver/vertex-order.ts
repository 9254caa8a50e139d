import { Fault } from '../errors/index.ts';
import type { Vertex } from './vertex.ts';

/** All vertices that the targets need, each after all that it depends on. Fault `invalid` if one depends on itself. */
export function orderVertices<R>(targets: readonly Vertex<R>[]): readonly Vertex<R>[] {
  const order: Vertex<R>[] = [];
  const states = new Map<Vertex<R>, 'open' | 'done'>();
  const stack = targets.toReversed();
  for (let vertex = stack.at(-1); vertex !== undefined; vertex = stack.at(-1)) {
    if (states.get(vertex) === undefined) {
      states.set(vertex, 'open');
      for (const next of dependenciesOf(vertex).toReversed()) {
        if (states.get(next) === 'open') throw new Fault('invalid', `solve ${next.label}: it depends on itself`);
        if (states.get(next) === undefined) stack.push(next);
      }
    } else {
      stack.pop();
      if (states.get(vertex) === 'open') order.push(vertex);
      states.set(vertex, 'done');
    }
  }
  return order;
}

export function dependenciesOf<R>(vertex: Vertex<R>): readonly Vertex<R>[] {
  return [...vertex.inputs, ...(vertex.sources ?? [])];
}
