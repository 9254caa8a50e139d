import type { RunInstruction } from '../../dockerfile/index.ts';
import { cdiFolders, readCdi, type CdiDevice, type CdiRegistry } from '../../runtime/index.ts';
import type { BuildOptions } from '../build-options.ts';
import { faultAt, instructionFault } from './instruction-fault.ts';
import type { StageScope } from './stage-scope.ts';

type Scope = Pick<StageScope, 'build' | 'source'>;

/**
 * The devices of a RUN, found on this machine and allowed to the build; one that is not required may be missing. A fault
 * names the instruction.
 */
export async function lowerDevices(scope: Scope, instruction: RunInstruction): Promise<readonly CdiDevice[]> {
  if (instruction.devices.length === 0) return [];
  const registry = await readCdi();
  const found = instruction.devices.flatMap(({ name, required }) => {
    const devices = find(registry, name, { scope, instruction });
    if (devices.length === 0 && required) throw missing(registry, name, { scope, instruction });
    return devices;
  });
  for (const device of found) requireAllowed(device, { scope, instruction });
  return [...new Map(found.map((device) => [device.name, device])).values()];
}

interface Place {
  readonly scope: Scope;
  readonly instruction: RunInstruction;
}

function find(registry: CdiRegistry, name: string, { scope, instruction }: Place): readonly CdiDevice[] {
  try {
    return registry.find(name);
  } catch (error) {
    throw faultAt(scope.source, instruction, error);
  }
}

function missing({ problems }: CdiRegistry, name: string, { scope, instruction }: Place): Error {
  const [problem] = problems;
  return instructionFault(scope.source, instruction, {
    code: 'not-found',
    message: `required device ${JSON.stringify(name)} is not registered`,
    hint: problem === undefined ? `devices are described in ${cdiFolders.join(' and ')}` : `not readable: ${problem}`,
  });
}

function requireAllowed(device: CdiDevice, { scope, instruction }: Place): void {
  if (isAllowed(device, scope.build.allow)) return;
  throw instructionFault(scope.source, instruction, {
    code: 'denied',
    message: `device ${device.name} is not allowed`,
    hint: `if you trust this Dockerfile, build with --allow device=${device.name}`,
  });
}

/** By `--allow device`, with the device's name or its kind; or by who described it for this machine. */
function isAllowed({ name, annotations }: CdiDevice, allow: BuildOptions['allow']): boolean {
  const kind = name.slice(0, name.indexOf('='));
  if (/^(1|t|true)$/i.test(annotations.get(autoAllowAnnotation) ?? '')) return true;
  return allow.has('device') || [name, kind, `${kind}=*`].some((each) => allow.has(`device=${each}`));
}

const autoAllowAnnotation = 'org.mobyproject.buildkit.device.autoallow';
