/** Colours, where the output is a terminal that wants them. */
import { styleText } from 'node:util';
import type { Level } from '../../rules/finding.ts';

export type Format = Parameters<typeof styleText>[0];

/** Puts a colour on a piece of text, or leaves it as it is. */
export type Style = (format: Format, text: string) => string;

export const plain: Style = (_format, text) => text;
export const coloured: Style = (format, text) => styleText(format, text);

export const levelFormat: Readonly<Record<Level, Format>> = {
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  note: ['bold', 'cyan'],
};
