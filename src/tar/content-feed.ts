import type { TarPlace } from './entry.ts';
import type { TarContent } from './tar-sink.ts';

/** Takes the stored bytes of one member, in order. */
export type ContentFeed = (chunk: Buffer) => void;

/** Hands stored bytes to `content` with their offsets in the file. */
export function feedContent(content: TarContent, place: TarPlace): ContentFeed {
  return place.segments === undefined ? feedDense(content) : feedSparse(content, place);
}

function feedDense(content: TarContent): ContentFeed {
  let offset = 0;
  return (chunk) => {
    content.write(chunk, offset);
    offset += chunk.length;
  };
}

function feedSparse(content: TarContent, place: TarPlace): ContentFeed {
  const segments = place.segments ?? [];
  let position = place.dataOffset;
  let index = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      const segment = segments[index];
      if (segment === undefined) return;
      const done = position - segment.dataOffset;
      const share = Math.min(segment.length - done, chunk.length - at);
      content.write(chunk.subarray(at, at + share), segment.offset + done);
      at += share;
      position += share;
      if (done + share === segment.length) index++;
    }
  };
}
