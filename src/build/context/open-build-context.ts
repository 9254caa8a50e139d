import { openDirectoryContext } from './build-context-directory.ts';
import { openRemoteContext } from './build-context-remote.ts';
import { openStreamedContext } from './build-context-stream.ts';
import type { BuildContext, ContextOptions, ContextPorts } from './build-context.ts';

/**
 * Opens the context. Fault `not-found` for a directory or Dockerfile that is not there, `invalid` for what is neither an
 * archive nor a Dockerfile.
 */
export async function openBuildContext(options: ContextOptions, ports: ContextPorts): Promise<BuildContext> {
  const { context, file, signal } = options;
  switch (context.kind) {
    case 'directory':
      return openDirectoryContext(context.path, file, { ports, signal });
    case 'stream':
      return openStreamedContext(context.bytes, file, { ports, signal });
    case 'remote':
      return openRemoteContext(context.url, options, ports);
  }
}
