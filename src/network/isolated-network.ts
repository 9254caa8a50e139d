/**
 * An isolated network: a network namespace that reaches what the machine reaches, and in which nothing of the machine
 * can be reached that listens on its loopback only.
 *
 * Inside
 *  - there are `lo` and one interface with the addresses and routes of the machine's own. They mean the same as outside
 *    with one exception: the machine's own address is that of the namespace itself. So no subnet has to be picked, and
 *    none can clash with one that is in use.
 *  - `127.0.0.1` and `::1` are the namespace's own, and no address stands for the machine's, unless one was asked for.
 *  - names are resolved by `nameservers`; those of a machine that listen on its loopback (127.0.0.53) are reached through
 *    an address of their own.
 *
 * Outside nothing is changed: no firewall rule, no forwarding, no interface, no port. What is sent out comes from a
 * process of ours on the machine, like any other program's traffic.
 *
 * Life: a network is open from `open` until it is disposed of. Whatever joined the namespace keeps it, cut off from
 * everything, for as long as it runs. When this program dies, however it dies, the network goes with it.
 */
export interface IsolatedNetworks {
  /**
   * Opens a new network; settles when it can be used. Any number may be open at once, each apart from the others, though
   * all have the same addresses.
   *
   * Faults: `unavailable` where the machine cannot provide one, with what is missing and how it comes; `cancelled` once
   * `signal` is aborted. In both cases nothing is left behind.
   */
  open(options: OpenNetworkOptions): Promise<IsolatedNetwork>;
}

export interface OpenNetworkOptions {
  /** True: one address leads to the machine, to whatever listens there, on its loopback too. */
  readonly reachesMachine?: boolean;
  readonly signal: AbortSignal;
}

export interface IsolatedNetwork extends AsyncDisposable {
  /**
   * What joins it opens this path, from this process or one that it started. Valid until the network is disposed of, and
   * never another namespace's. Undefined where the machine itself is connected to nothing: any empty namespace is as good.
   */
  readonly namespacePath: string | undefined;
  /** Addresses for `nameserver` lines of resolv.conf(5), in the machine's order; those that the namespace can reach. */
  readonly nameservers: readonly string[];
  /** The address that leads to the machine: of the gateway. Undefined where none was asked for, or there is no gateway. */
  readonly machineAddress: string | undefined;
}
