/** Archives and layouts with the faults that images in registries have: refused, or taken as what they are. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { craftTar, type CraftedImage } from '../src/image/crafted-image.fixture.ts';
import { isBundled, maxPeakKiB, measuredRun } from './measured-run.ts';
import { documentFaults } from './registry-faults/document-faults.ts';
import { transferFaults } from './registry-faults/transfer-faults.ts';
import { needsRoot, TestStore, writeFiles } from './test-store.ts';

const skip = needsRoot;
const isMeasured = isBundled();
const timeoutMs = 120_000;

test('an archive or a layout with an image that', { skip, concurrency: 2 }, async (t) => {
  await using store = new TestStore();
  const faults = [...documentFaults, ...transferFaults].flatMap(({ title, image }) =>
    image ? [{ title, image }] : [],
  );
  const works = faults.map(({ title, image }, number) =>
    t.test(title, async () => {
      const files = layoutFiles(image(), `fault.test/app:${number}`);
      const folder = join(store.folder, `layout-${number}`);
      mkdirSync(folder);
      writeFiles(folder, files);
      writeFileSync(`${folder}.tar`, craftTar(files));
      for (const args of [
        ['load', '-i', `${folder}.tar`],
        ['copy', `oci:${folder}:1`, `store:copied:${number}`],
      ]) {
        const ended = await measuredRun(store, args, { env: {}, timeoutMs });
        const said = `${ended.stdout}${ended.stderr}`;
        assert.ok(ended.code === 0 || ended.code === 1, said);
        assert.equal(ended.code === 1, /^Error: /m.test(said), said);
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(said, /internal:|\n\s+at |[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
        if (isMeasured) assert.ok(ended.peakKiB <= maxPeakKiB, `${args[0]}: peak memory was ${ended.peakKiB} KiB`);
        const names = (await store.ok(['images', '--format', '{{.Repository}}:{{.Tag}}'])).stdout.split('\n');
        const name = args[0] === 'load' ? `fault.test/app:${number}` : `copied:${number}`;
        assert.equal(names.includes(name), ended.code === 0, said);
      }
      for (const path of [folder, `${folder}.tar`]) rmSync(path, { recursive: true });
    }),
  );
  await Promise.all(works);
  await store.ok(['check', '--repair']);
  assert.deepEqual(readdirSync(join(store.root, 'ingest')), []);
});

function layoutFiles({ descriptor, blobs }: CraftedImage, name: string): Record<string, Buffer | string> {
  const annotations = { 'org.opencontainers.image.ref.name': '1', 'io.containerd.image.name': name };
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const index = { schemaVersion: 2, mediaType, manifests: [{ ...descriptor, annotations }] };
  const files = [...blobs].map(([digest, bytes]) => [`blobs/${digest.replace(':', '/')}`, bytes] as const);
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify(index),
    ...Object.fromEntries(files),
  };
}
