/** What a check of config.json finds. All of a document's issues are reported at once. */
export interface Issue {
  /** JSON pointer of the offending value, or of the object that lacks a property (RFC 6901). */
  readonly pointer: string;
  /** What is wrong: what was found and what is allowed. Lower case, no full stop. */
  readonly message: string;
  /** The sentence of the specification that it breaks, as `config.md#root`. */
  readonly clause: string;
  /** Where the value stands in the file, both from 1. */
  readonly line: number;
  readonly column: number;
}
