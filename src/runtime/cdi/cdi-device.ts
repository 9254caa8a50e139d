/**
 * A device as the Container Device Interface describes it (CNCF TAG Runtime, CDI 1.1): a name `vendor.com/class=name`, and what
 * a container gets that asks for it. Vendors write files with such descriptions, in JSON or YAML, into `/etc/cdi` and
 * `/var/run/cdi`; a **kind** is `vendor.com/class`, and one file describes devices of one kind.
 */
export interface CdiDevice {
  /** `vendor.com/class=name`. */
  readonly name: string;
  /** The file's, and the device's own, which count where both have one. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Those of the file, for all of its devices, then the device's own. */
  readonly edits: readonly CdiEdits[];
}

/** What changes in a container. */
export interface CdiEdits {
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly deviceNodes: readonly CdiDeviceNode[];
  readonly mounts: readonly CdiMount[];
  readonly additionalGids: readonly number[];
  /** What the description wants beside these, and containers do not get: `hooks`. */
  readonly refused: readonly string[];
}

export interface CdiDeviceNode {
  /** In the container. */
  readonly path: string;
  /** On the machine; where the container has it, unless given. */
  readonly hostPath: string | undefined;
  readonly type: 'b' | 'c' | 'u' | 'p' | undefined;
  readonly major: number | undefined;
  readonly minor: number | undefined;
  readonly fileMode: number | undefined;
  /** Some of `rwm`; all of them unless given. */
  readonly permissions: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  /** As mount(8) has them. */
  readonly options: readonly string[];
  readonly type: string | undefined;
}
