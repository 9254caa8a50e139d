import { Fault } from '../../errors/index.ts';
import type { Annotations } from '../../image/index.ts';
import { formatPlatform, normalisePlatform, parsePlatform, samePlatform, type Platform } from '../../oci/index.ts';

/** One `--annotation`: where it is written, and for which platform if not for all. */
export interface Annotation {
  readonly place: AnnotationPlace;
  readonly platform: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

export type AnnotationPlace = 'manifest' | 'manifestDescriptor' | 'index' | 'indexDescriptor';

export const annotationPlaces: ReadonlyMap<string, AnnotationPlace> = new Map([
  ['manifest', 'manifest'],
  ['index', 'index'],
  ['manifest-descriptor', 'manifestDescriptor'],
  ['index-descriptor', 'indexDescriptor'],
]);

/**
 * Reads an `--annotation`: `[PLACE[\[PLATFORM\]][,PLACE…]:]KEY=VALUE`; without a place it is for the manifest. One value for
 * several places gives several. `host` fills in what a platform leaves out. Fault `invalid` that says what is wrong.
 */
export function parseAnnotation(text: string, host: Platform): readonly Annotation[] {
  const refuse = (why: string): Fault => new Fault('invalid', `parse annotation ${JSON.stringify(text)}: ${why}`);
  const equals = text.indexOf('=');
  if (equals < 0) throw refuse('expected KEY=VALUE');
  const [left, value] = [text.slice(0, equals), text.slice(equals + 1)];
  const colon = left.indexOf(':');
  const key = left.slice(colon + 1);
  if (key === '') throw refuse('the key is empty');
  const places = colon < 0 ? ['manifest'] : left.slice(0, colon).split(',');
  return places.map((each) => {
    const [, name = '', platform] = /^([^[]*)(?:\[(.*)\])?$/.exec(each) ?? [];
    const place = annotationPlaces.get(name);
    if (place === undefined) {
      throw refuse(`unknown place ${JSON.stringify(each)}, known are ${[...annotationPlaces.keys()].join(', ')}`);
    }
    return annotationAt(place, {
      key,
      value,
      platform: platform === undefined ? undefined : parsePlatform(platform, host),
    });
  });
}

/** Fault `invalid` for an index with a platform: it has none. */
export function annotationAt(place: AnnotationPlace, annotation: Omit<Annotation, 'place'>): Annotation {
  const { platform, key } = annotation;
  if (platform === undefined || place === 'manifest' || place === 'manifestDescriptor') return { place, ...annotation };
  throw new Fault('invalid', `annotation ${key}: an index has no platform, ${formatPlatform(platform)} was given`);
}

/** What is written in one place, for one platform where the place has one. Of one key the last counts. */
export function annotationsFor(
  annotations: readonly Annotation[],
  place: AnnotationPlace,
  platform?: Platform,
): Annotations | undefined {
  const here = annotations.filter(
    (each) =>
      each.place === place &&
      (each.platform === undefined ||
        (platform !== undefined && samePlatform(each.platform, normalisePlatform(platform)))),
  );
  return here.length === 0 ? undefined : Object.fromEntries(here.map(({ key, value }) => [key, value]));
}
