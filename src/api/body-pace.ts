import type { IncomingMessage } from 'node:http';

export interface BodyPace {
  readonly periodMs: number;
  readonly minBytes: number;
}

/**
 * Cuts the connection of a request whose body brings less than `minBytes` in a period: a byte now and then keeps a
 * connection as long as nothing does, and there are only so many.
 */
export function watchBody(request: IncomingMessage, { periodMs, minBytes }: BodyPace): void {
  if (request.complete) return;
  const { socket } = request;
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    if (request.complete) return clearInterval(timer);
    if (socket.bytesRead - before < minBytes) socket.destroy();
    before = socket.bytesRead;
  }, periodMs);
  timer.unref();
  request.once('close', () => clearInterval(timer));
}
