import type { IsolatedNetwork, IsolatedNetworks } from './isolated-network.ts';

/**
 * One isolated network for all who ask, opened when the first of them does: those who come meanwhile wait for the same
 * one, and a failure is everybody's. Disposing of it closes what was opened; nobody may ask after that.
 */
export class SharedNetwork implements AsyncDisposable {
  readonly #networks: IsolatedNetworks;
  readonly #signal: AbortSignal;
  #opened: Promise<IsolatedNetwork> | undefined;

  constructor(networks: IsolatedNetworks, options: { readonly signal: AbortSignal }) {
    this.#networks = networks;
    this.#signal = options.signal;
  }

  get(): Promise<IsolatedNetwork> {
    this.#opened ??= this.#networks.open({ signal: this.#signal });
    return this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const network = await this.#opened?.catch(() => undefined);
    await network?.[Symbol.asyncDispose]();
  }
}
