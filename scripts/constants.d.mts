import type { Plugin } from 'esbuild';

export function inlineConstants(text: string, values: ReadonlyMap<string, unknown>): string;
export const constants: Plugin;
