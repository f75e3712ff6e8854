// What can be asked whether it notices a mutant.

/** The unit tests of `src/NAME.test.ts`. */
export const unit = (name) => ({ kind: "unit", file: `src/${name}.test.ts` });

/** Of the container tests in `conformance-tests/NAME.test.ts` those with this in their sentence. */
export const containers = (name, sentence) => ({
  kind: "containers",
  file: `conformance-tests/${name}.test.ts`,
  sentence,
});

/** Of the tests of init's steps those with this in their name; or a whole program of `native/tests`. */
export const native = (program, name = "") => ({ kind: "native", program, name });
