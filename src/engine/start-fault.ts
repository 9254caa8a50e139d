import { Fault } from '../errors/index.ts';

/**
 * A container that could not be started, with the exit code that Docker's `run` has for it: 127, the command is not
 * there; 126, it cannot be executed; 125, something else failed.
 */
export class StartFault extends Fault {
  readonly exitCode: 125 | 126 | 127;

  constructor(message: string, options: { readonly exitCode: 126 | 127 } | { readonly cause: Fault }) {
    if ('exitCode' in options) {
      super('invalid', message);
      this.exitCode = options.exitCode;
      return;
    }
    const { code, hint } = options.cause;
    super(code, message, { cause: options.cause, ...(hint === undefined ? {} : { hint }) });
    this.exitCode = 125;
  }
}
