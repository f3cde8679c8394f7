/** A range in a file: UTF-16 code units, end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
  /** The file, where it is another one than the file that is spoken of. */
  readonly file?: OtherFile;
}

export interface OtherFile {
  readonly path: string;
  readonly text: string;
}
