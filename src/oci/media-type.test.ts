import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForeignLayerType, layerCompression, mediaTypes } from './media-type.ts';

const layers: readonly (readonly [string, string | undefined, boolean])[] = [
  [mediaTypes.ociLayer, 'none', false],
  [mediaTypes.ociLayerGzip, 'gzip', false],
  [mediaTypes.ociLayerZstd, 'zstd', false],
  [mediaTypes.dockerLayer, 'none', false],
  [mediaTypes.dockerLayerGzip, 'gzip', false],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'gzip', true],
  ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'gzip', true],
  [mediaTypes.ociConfig, undefined, false],
  ['application/vnd.in-toto+json', undefined, false],
];

for (const [mediaType, compression, foreign] of layers) {
  test(`${mediaType}: compression ${compression}${foreign ? ', foreign' : ''}`, () => {
    assert.equal(layerCompression(mediaType), compression);
    assert.equal(isForeignLayerType(mediaType), foreign);
  });
}
