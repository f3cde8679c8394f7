/** Sizes of what the store keeps visited states in. */

/** States of a chunk, as a power of two. */
export const CHUNK_BITS = 12;
export const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
/** Number of a value for which a byte has no room: the value itself then stands in a word of its own in the row. */
export const WIDE = 255;
