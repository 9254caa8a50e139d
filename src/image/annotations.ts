/** What is written beside content, by key (image-spec annotations.md). */
export type Annotations = Readonly<Record<string, string>>;

/** As a field of a document: none where there are none. */
export function annotated(annotations: Annotations | undefined): { readonly annotations?: Annotations } {
  return annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations };
}
