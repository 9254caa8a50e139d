import type { RunInstruction } from '../../dockerfile/index.ts';
import type { BuildOptions, Entitlement } from '../build-options.ts';
import type { RunSettings } from '../run/run-settings.ts';
import { builderArgs } from './builder-args.ts';
import { instructionFault } from './instruction-fault.ts';
import { lowerDevices } from './lower-devices.ts';
import { lowerMounts } from './lower-mounts.ts';
import { runCommand, runCreatedBy } from '../run/run-command.ts';
import { runStep } from '../run/run-step.ts';
import type { StageScope } from './stage-scope.ts';

/** RUN: a step that runs a command on what the stage has come to. */
export async function lowerRun(scope: StageScope, instruction: RunInstruction): Promise<void> {
  const { draft, build, args, platform, onOutput, onPacking, onWarning } = scope;
  const { network, security } = instruction;
  if (network === 'host' && build.network !== 'host') requireEntitlement(scope, instruction, 'network.host');
  if (security === 'insecure') requireEntitlement(scope, instruction, 'security.insecure');
  const { state } = draft;
  requireNoZeroByte(scope, instruction);
  const basics = scope.basics(instruction);
  const vertex = runStep({
    ...basics,
    instruction,
    state,
    platform,
    network: network === 'default' ? build.network : network,
    mounts: await lowerMounts({ scope, instruction, basics }),
    devices: await lowerDevices(scope, instruction),
    build: { ...build, run: runSettings(build) },
    hiddenEnv: args.proxies,
    onOutput,
    onPacking,
    onWarning,
  });
  draft.add({ vertex, title: instruction.original }, runCreatedBy(instruction, state));
}

/** The kernel ends words and variables at one. */
function requireNoZeroByte({ source, draft: { state } }: StageScope, instruction: RunInstruction): void {
  const variable = [...state.env].find((pair) => pair.join('').includes('\0'))?.[0];
  const isInWords = runCommand(instruction, state).args.some((word) => word.includes('\0'));
  if (variable === undefined && !isInWords) return;
  const place = isInWords ? 'the command' : `the variable ${JSON.stringify(variable)}`;
  throw instructionFault(source, instruction, { message: `there is a zero byte in ${place}` });
}

/** Those of the build, with the host name that an argument gave. */
function runSettings({ run, buildArgs }: BuildOptions): RunSettings {
  const { hostname } = builderArgs(buildArgs);
  return { ...run, ...(hostname === undefined ? {} : { hostname }) };
}

function requireEntitlement(scope: StageScope, instruction: RunInstruction, name: Entitlement): void {
  if (scope.build.allow.has(name)) return;
  throw instructionFault(scope.source, instruction, {
    code: 'denied',
    message: `${name} is not allowed`,
    hint: `if you trust this Dockerfile, build with --allow ${name}`,
  });
}
