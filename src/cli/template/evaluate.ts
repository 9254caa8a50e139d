import { templateFunctions } from './functions.ts';
import { executionFault } from './syntax.ts';
import type { Branch, Call, Node, Operand, Pipe, Place } from './syntax.ts';
import { formatResult, formatValue, isRecord, isTruthy, sortedEntries, typeName } from './values.ts';

/** Where an evaluation stands: what `.` is, and the variables that are visible. */
interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, Box>;
}

/** A variable, shared by the scopes that see it. */
interface Box {
  value: unknown;
}

/** Why a list of nodes ended early. */
type Jump = 'break' | 'continue' | undefined;

export function evaluate(nodes: readonly Node[], data: unknown): string {
  const parts: string[] = [];
  runList(nodes, { dot: data, variables: new Map([['$', { value: data }]]) }, parts);
  return parts.join('');
}

function runList(nodes: readonly Node[], outer: Scope, parts: string[]): Jump {
  const scope = { dot: outer.dot, variables: new Map(outer.variables) };
  for (const node of nodes) {
    const jump = runNode(node, scope, parts);
    if (jump !== undefined) return jump;
  }
  return undefined;
}

function runNode(node: Node, scope: Scope, parts: string[]): Jump {
  switch (node.kind) {
    case 'text':
      parts.push(node.text);
      return undefined;
    case 'output': {
      const value = evaluatePipe(node.pipe, scope);
      if (node.pipe.variables.length > 0) assign(node.pipe, [value], scope);
      else parts.push(formatResult(value));
      return undefined;
    }
    case 'range':
      return runRange(node, scope, parts);
    case 'if':
    case 'with':
      return runCondition(node, scope, parts);
    case 'break':
    case 'continue':
      return node.kind;
  }
}

function runCondition(node: Branch, outer: Scope, parts: string[]): Jump {
  const scope = { dot: outer.dot, variables: new Map(outer.variables) };
  const value = evaluatePipe(node.pipe, scope);
  assign(node.pipe, [value], scope);
  if (!isTruthy(value)) return runList(node.otherwise, scope, parts);
  return runList(node.body, node.kind === 'with' ? { ...scope, dot: value } : scope, parts);
}

function runRange(node: Branch, outer: Scope, parts: string[]): Jump {
  const items = rangeItems(evaluatePipe(node.pipe, outer), node.pipe);
  if (items.length === 0) return runList(node.otherwise, outer, parts);
  for (const [key, value] of items) {
    const scope = { dot: value, variables: new Map(outer.variables) };
    assign(node.pipe, node.pipe.variables.length > 1 ? [key, value] : [value], scope);
    if (runList(node.body, scope, parts) === 'break') break;
  }
  return undefined;
}

function rangeItems(value: unknown, pipe: Pipe): readonly (readonly [unknown, unknown])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item, at) => [at, item]);
  if (isRecord(value)) return sortedEntries(value);
  throw executionFault(pipePlace(pipe), `range can't iterate over ${formatValue(value)}`);
}

function assign(pipe: Pipe, values: readonly unknown[], scope: Scope): void {
  pipe.variables.forEach((name, at) => {
    const known = scope.variables.get(name);
    if (!pipe.declares && known !== undefined) known.value = values[at];
    else scope.variables.set(name, { value: values[at] });
  });
}

function evaluatePipe(pipe: Pipe, scope: Scope): unknown {
  let value: unknown;
  pipe.commands.forEach((command, at) => {
    value = evaluateCall(command, at === 0 ? [] : [value], scope);
  });
  return value;
}

function evaluateCall(call: Call, piped: readonly unknown[], scope: Scope): unknown {
  const [first, ...rest] = call.operands;
  if (first === undefined) return undefined;
  if (first.kind === 'function') return applyFunction(first.name, { call, rest, piped, scope });
  const value = evaluateOperand(first, scope);
  if (typeof value === 'function') {
    return guard(call, first.source, () => value(...rest.map((each) => evaluateOperand(each, scope)), ...piped));
  }
  if (rest.length + piped.length > 0)
    throw executionFault(first, `can't give argument to non-function ${first.source}`);
  return value;
}

interface Application {
  readonly call: Call;
  readonly rest: readonly Operand[];
  readonly piped: readonly unknown[];
  readonly scope: Scope;
}

function applyFunction(name: string, { call, rest, piped, scope }: Application): unknown {
  const known = templateFunctions.get(name);
  const count = rest.length + piped.length;
  if (known === undefined) throw executionFault(call, `function "${name}" not defined`);
  const [least, most] = known.arity;
  if (count < least || count > most) {
    const want = most === Number.POSITIVE_INFINITY ? `at least ${least}` : String(count < least ? least : most);
    throw executionFault(call, `wrong number of args for ${name}: want ${want} got ${count}`);
  }
  if (name === 'and' || name === 'or') return decide(name, { call, rest, piped, scope });
  const args = [...rest.map((each) => evaluateArgument(each, scope)), ...piped];
  return guard(call, name, () => known.apply(...args));
}

/** `and` and `or` evaluate no more of their arguments than they need. */
function decide(name: 'and' | 'or', { rest, piped, scope }: Application): unknown {
  let value: unknown;
  for (const operand of rest) {
    value = evaluateArgument(operand, scope);
    if (isTruthy(value) === (name === 'or')) return value;
  }
  return piped.length > 0 ? piped[0] : value;
}

function evaluateArgument(operand: Operand, scope: Scope): unknown {
  const value = evaluateOperand(operand, scope);
  return typeof value === 'function' ? guard(operand, operand.source, () => value()) : value;
}

function evaluateOperand(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case 'dot':
      return scope.dot;
    case 'literal':
      return operand.value;
    case 'variable': {
      const box = scope.variables.get(operand.name);
      if (box === undefined) throw executionFault(operand, `undefined variable "${operand.name}"`);
      return box.value;
    }
    case 'pipe':
      return evaluatePipe(operand.pipe, scope);
    case 'function':
      return applyFunction(operand.name, { call: { ...operand, operands: [] }, rest: [], piped: [], scope });
    case 'field':
      return fieldOf(evaluateOperand(operand.of, scope), operand.name, operand);
  }
}

function fieldOf(value: unknown, name: string, place: Place): unknown {
  if (value === null || value === undefined) return undefined;
  if (!isRecord(value)) throw executionFault(place, `can't evaluate field ${name} in type ${typeName(value)}`);
  if (!Object.hasOwn(value, name)) throw executionFault(place, `map has no entry for key "${name}"`);
  return value[name];
}

function guard<T>(place: Place, name: string, apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    throw executionFault(place, `error calling ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function pipePlace(pipe: Pipe): Place {
  return pipe.commands[0] ?? { position: '1:0', source: '' };
}
