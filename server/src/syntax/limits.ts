/**
 * Longer slices are not parsed: no function is, and a parser needs seconds and gigabytes for text that only looks like
 * one. In UTF-16 units.
 */
export const MAX_SLICE = 1 << 20;
