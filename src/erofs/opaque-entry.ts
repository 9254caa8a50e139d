import { encodeXattrs, opaqueXattr } from './xattr-codec.ts';

/** The encoded mark of an opaque directory, written behind its other attributes. */
export const opaqueEntry: Buffer = encodeXattrs(new Map([[opaqueXattr.name, opaqueXattr.value]]));
