import type { System, SystemInfo } from '../../engine/index.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../command.ts';
import { text } from '../flags.ts';
import { formatMemory } from '../human.ts';
import { compileTemplate } from '../template/go-template.ts';

interface Needs {
  readonly system: Pick<System, 'info'>;
}

export const info = defineCommand({
  usage: '[OPTIONS]',
  operands: { min: 0, max: 0 },
  flags: { format: text("Format output: 'json' or a Go template", { short: 'f' }) },
  run: async ({ flags }, context: Context<Needs>) => {
    const template = flags.format === undefined || flags.format === 'json' ? undefined : compileTemplate(flags.format);
    const { system } = await context.openEngine();
    const found = await system.info();
    if (template !== undefined) context.stdout.print(`${template.render(templateData(found))}\n`);
    else if (flags.format === 'json') context.stdout.print(`${JSON.stringify(templateData(found))}\n`);
    else context.stdout.print(formatInfo(found));
    for (const warning of found.warnings) context.stderr.print(`WARNING: ${warning}\n`);
    return 0;
  },
});

function formatInfo(found: SystemInfo): string {
  const { runtime, containers, snapshotter } = found;
  const rows: readonly (readonly [string, string | number])[] = [
    ['Containers', containers.running + containers.stopped],
    [' Running', containers.running],
    [' Stopped', containers.stopped],
    ['Images', found.images],
    ['Server Version', found.version],
    ['Storage Driver', snapshotter.kind],
    [' Reason', snapshotter.reason],
    ['Runtime', runtime === undefined ? 'none found' : `${runtime.name} ${runtime.version} (${runtime.path})`],
    ...(runtime?.passedOver ?? []).map(({ name, reason }) => [` Not ${name}`, reason] as const),
    ['Cgroup', found.cgroup],
    ['Kernel Version', found.kernel],
    ['Operating System', found.operatingSystem],
    ['Architecture', found.architecture],
    ['CPUs', found.cpus],
    ['Total Memory', formatMemory(found.memoryBytes)],
    ['Root Dir', found.root],
    ['Run Dir', found.runRoot],
  ];
  return rows.map(([name, value]) => `${name}: ${value}\n`).join('');
}

/** The names of Docker where it has one for the same thing. */
function templateData(found: SystemInfo): Readonly<Record<string, unknown>> {
  const { runtime, containers, snapshotter } = found;
  return {
    Containers: containers.running + containers.stopped,
    ContainersRunning: containers.running,
    ContainersStopped: containers.stopped,
    Images: found.images,
    ServerVersion: found.version,
    Driver: snapshotter.kind,
    DriverReason: snapshotter.reason,
    DefaultRuntime: runtime?.name ?? '',
    RuntimePath: runtime?.path ?? '',
    RuntimeVersion: runtime?.version ?? '',
    RuntimesPassedOver: runtime?.passedOver ?? [],
    CgroupVersion: found.cgroup,
    KernelVersion: found.kernel,
    OperatingSystem: found.operatingSystem,
    OSType: 'linux',
    Architecture: found.architecture,
    NCPU: found.cpus,
    MemTotal: found.memoryBytes,
    DockerRootDir: found.root,
    RunRoot: found.runRoot,
    Warnings: found.warnings,
  };
}
