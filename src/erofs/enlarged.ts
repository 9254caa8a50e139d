/**
 * How much a column grows when it is full. Fresh memory that nobody has touched costs nothing, but a column that grows
 * by halves leaves its earlier selves behind, in a heap that they fragment: a large step wastes addresses, not memory.
 */
export const growthFactor = 16;

/** A buffer of `byteLength` bytes that begins with those of `buffer`, which is given back at once. */
export function enlarged(buffer: ArrayBuffer, byteLength: number): ArrayBuffer {
  const bigger = new ArrayBuffer(byteLength);
  new Uint8Array(bigger).set(new Uint8Array(buffer));
  buffer.transfer(0);
  return bigger;
}
