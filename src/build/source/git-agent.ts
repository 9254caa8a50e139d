import type { SshOptions } from '../../source/index.ts';
import type { WorkAreas } from '../../snapshot/index.ts';
import { startAgent } from '../run/ssh-agent.ts';
import { checkAgent } from '../run/ssh-forward.ts';
import type { SshSource } from '../run/ssh-source.ts';

export interface GitAgentOptions {
  /** What `--ssh default` gave; undefined where it did not. */
  readonly source: SshSource | undefined;
  readonly areas: Pick<WorkAreas, 'temporary'>;
  readonly signal: AbortSignal;
}

/**
 * The agent by which a build's git reaches servers over ssh: that of its caller, or one of our own that holds the keys and
 * is started when it is first asked for. It ends when it is disposed of.
 */
export class GitAgent implements AsyncDisposable {
  readonly #options: GitAgentOptions;
  readonly #stack = new AsyncDisposableStack();
  #found: Promise<SshOptions | undefined> | undefined;

  constructor(options: GitAgentOptions) {
    this.#options = options;
  }

  /** Undefined where the build was given none. Fault `unavailable` where it does not answer, `invalid` for what is no key. */
  find(): Promise<SshOptions | undefined> {
    return (this.#found ??= this.#find());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#found?.catch(() => undefined);
    await this.#stack.disposeAsync();
  }

  async #find(): Promise<SshOptions | undefined> {
    const { source, areas, signal } = this.#options;
    if (source === undefined) return undefined;
    if (source.kind === 'keys') {
      const area = this.#stack.use(areas.temporary('source'));
      return { authSock: this.#stack.use(await startAgent(source.paths, { folder: area.bundle, signal })).socket };
    }
    await checkAgent(source.path);
    return { authSock: source.path };
  }
}
