import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, rmdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tree, cgroupLayout } from '../host/index.ts';
import { writeBundle } from './bundle.ts';
import { defaultCapabilities } from './capabilities.ts';
import { containerSpec } from './container-spec.ts';
import type { ContainerSpecOptions } from './container-options.ts';
import { mountTargets, prepareMountpoints, removeStubs } from './mountpoints.ts';
import type { MountStub } from './mountpoints.ts';
import type { OciRuntime } from './oci-runtime.ts';
import { loadSeccomp } from './seccomp-source.ts';
import { systemRuntimes } from './system-runtimes.ts';

const busybox = '/usr/bin/busybox';

/** The runtime that tests use which are not about one: that of `VARVE_RUNTIME`, as for the program, else what works best here. */
const usual = process.env['VARVE_RUNTIME'] || undefined;

/** Why containers cannot be run here, or false. */
export function whyNoContainers(wanted: string | undefined = usual): string | false {
  if (process.getuid?.() !== 0) return 'containers need root';
  if (!existsSync(busybox)) return 'busybox-static is not installed';
  try {
    systemRuntimes({ runRoot: tmpdir(), wanted }).choose();
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export const noContainers: string | false = whyNoContainers();

/** A folder with a runtime and root file systems of busybox, which takes everything away again when it is disposed of. */
export class ContainerBench implements AsyncDisposable {
  readonly folder: string = mkdtempSync('/var/tmp/varve-runtime-');
  readonly runtime: OciRuntime;
  readonly cgroup: string;
  readonly #stubs = new Map<string, readonly MountStub[]>();

  constructor(wanted: string | undefined = usual) {
    this.runtime = systemRuntimes({ runRoot: this.folder, wanted }).choose();
    this.cgroup = `/varve-test-${process.pid}-${this.folder.slice(-6)}`;
  }

  /** Makes a bundle for `args` with its own root file system; gives its directory. */
  bundle(id: string, args: readonly string[], changes: Partial<ContainerSpecOptions> = {}): string {
    const bundle = join(this.folder, id);
    const rootfs = join(bundle, 'rootfs');
    mkdirSync(join(rootfs, 'bin'), { recursive: true });
    for (const name of ['busybox', 'sh']) copyFileSync(busybox, join(rootfs, 'bin', name));
    const spec = containerSpec({ ...this.#defaults(id, rootfs), args, ...changes });
    using tree = Tree.open(rootfs);
    this.#stubs.set(id, prepareMountpoints(tree, mountTargets(spec)));
    writeBundle(bundle, spec);
    return bundle;
  }

  /** Takes the mount places of a container that has ended away; gives its root file system. */
  tidy(id: string): string {
    const rootfs = join(this.folder, id, 'rootfs');
    using tree = Tree.open(rootfs);
    removeStubs(tree, this.#stubs.get(id) ?? []);
    return rootfs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime.deleteAll('');
    removeCgroups(this.cgroup);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #defaults(id: string, rootfs: string): ContainerSpecOptions {
    return {
      rootfs,
      args: [],
      hostname: id,
      network: 'host',
      seccomp: loadSeccomp({ architecture: goArchitecture(), capabilities: defaultCapabilities }),
      cgroup: { path: `${this.cgroup}/${id}`, layout: cgroupLayout() },
    };
  }
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** The runtime removes a container's own control groups, not the one above them. */
function removeCgroups(path: string): void {
  const root = '/sys/fs/cgroup';
  const places = [root, ...readdirSync(root).map((name) => join(root, name))].map((each) => join(each, path));
  for (const place of places.filter((each) => existsSync(each))) rmdirSync(place);
}
