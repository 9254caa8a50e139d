import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '../errors/index.ts';
import { parseDescriptor } from './descriptor.ts';
import { parseImageConfig } from './image-config.ts';
import { checkLayoutMarker } from './image-layout.ts';
import { parseManifest } from './manifest.ts';
import { mediaTypes } from './media-type.ts';

/** The documents with verdicts of the image specification's own tests. */
interface SchemaCase {
  readonly id: string;
  readonly schema: string | null;
  readonly doc: string;
  readonly fail: boolean;
}

const file = join(import.meta.dirname, '../../../shared/data/oci-schemas/schema-cases.json');
const skip = existsSync(file) ? false : `the specification's cases are not at ${file}`;

/** Where we decide otherwise, and why. */
const differences: ReadonlyMap<string, string> = new Map([
  ...algorithms('descriptor_test.go:TestDescriptor:', [21, 22, 23, 24, 25, 27, 28]),
  ...algorithms('manifest_test.go:TestManifest:', [6]),
  ['manifest_test.go:TestManifest:5', 'an image without layers is read: builds of nothing but metadata make them'],
]);

test("documents get the specification's verdict", { skip }, async (t) => {
  for (const each of JSON.parse(readFileSync(file, 'utf8')) as readonly SchemaCase[]) {
    const difference = differences.get(each.id);
    await t.test(`${each.id}${difference === undefined ? '' : `: ${difference}`}`, () => {
      const fails = difference === undefined ? each.fail : !each.fail;
      if (fails) assert.throws(() => read(each), Fault);
      else assert.doesNotThrow(() => read(each));
    });
  }
});

function algorithms(prefix: string, numbers: readonly number[]): readonly (readonly [string, string])[] {
  return numbers.map((each) => [`${prefix}${each}`, 'a digest that cannot be verified is refused']);
}

function read({ id, schema, doc }: SchemaCase): unknown {
  const bytes = Buffer.from(doc);
  if (schema === 'content-descriptor.json') return parseDescriptor(bytes);
  if (schema === 'image-layout-schema.json') return checkLayoutMarker(bytes);
  if (schema === 'config-schema.json' || id.includes('CompatibilityConfig')) return parseImageConfig(bytes);
  return parseManifest(bytes, served(schema));
}

function served(schema: string | null): { readonly mediaType?: string } {
  if (schema === 'image-index-schema.json') return { mediaType: mediaTypes.ociIndex };
  return schema === 'image-manifest-schema.json' ? { mediaType: mediaTypes.ociManifest } : {};
}
