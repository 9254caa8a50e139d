import { Fault } from '../errors/index.ts';
import type { TarReadOptions } from './tar-parser.ts';
import { TarParser } from './tar-parser.ts';
import type { TarSink, TarSource, TarSummary } from './tar-sink.ts';

/**
 * Reads a whole archive that lies somewhere, seeking over the content that the sink does not take: for a stored layer
 * that is little more than its headers. Fails as `TarParser` does, and with what `source.read` throws.
 */
export function scanTar(source: TarSource, sink: TarSink, options: TarReadOptions = {}): TarSummary {
  const parser = new TarParser(sink, options);
  for (let offset = 0; offset < source.size;) {
    const bytes = source.read(offset, Math.min(windowBytes, source.size - offset));
    if (bytes.length === 0) throw new Fault('corrupt', `read tar: nothing to read at byte ${offset} of ${source.size}`);
    parser.write(bytes);
    offset += bytes.length;
    offset += parser.skip(source.size - offset);
  }
  return parser.end();
}

const windowBytes = 64 * 1024;
