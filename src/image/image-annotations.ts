/**
 * What is written beside an image (image-spec annotations.md), by the place where it stands. Of an image without an
 * index, `manifestDescriptor` stands where the image is listed: in the `index.json` of an OCI layout.
 */
export interface ImageAnnotations {
  readonly manifest?: Annotations;
  readonly manifestDescriptor?: Annotations;
  readonly index?: Annotations;
  readonly indexDescriptor?: Annotations;
}

export type Annotations = Readonly<Record<string, string>>;
