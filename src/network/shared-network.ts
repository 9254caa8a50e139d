import type { IsolatedNetwork, IsolatedNetworks, OpenNetworkOptions } from './isolated-network.ts';

/**
 * One isolated network for all who ask, opened when the first of them does: those who come meanwhile wait for the same
 * one, and a failure is everybody's. Disposing of it closes what was opened; nobody may ask after that.
 */
export class SharedNetwork implements AsyncDisposable {
  readonly #networks: IsolatedNetworks;
  readonly #options: OpenNetworkOptions;
  #opened: Promise<IsolatedNetwork> | undefined;

  constructor(networks: IsolatedNetworks, options: OpenNetworkOptions) {
    this.#networks = networks;
    this.#options = options;
  }

  get(): Promise<IsolatedNetwork> {
    this.#opened ??= this.#networks.open(this.#options);
    return this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const network = await this.#opened?.catch(() => undefined);
    await network?.[Symbol.asyncDispose]();
  }
}
