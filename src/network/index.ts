/**
 * Networks for what runs on this machine and shall not be on the machine's own: the isolated network of a build.
 *
 * It does not know what a build, an image or a container is: who runs something joins it to a namespace by its path, and
 * writes the name servers into its `/etc/resolv.conf`.
 */
export type { IsolatedNetwork, IsolatedNetworks, OpenNetworkOptions } from './isolated-network.ts';
export { PastaNetworks } from './pasta-networks.ts';
export { SharedNetwork } from './shared-network.ts';
