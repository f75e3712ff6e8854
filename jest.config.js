/** Unit tests stand beside what they test and need no root; tests of conformance-tests/ say so themselves. */
module.exports = {
  transform: {
    "^.+\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }],
  },
  testMatch: ["<rootDir>/src/**/*.test.ts", "<rootDir>/conformance-tests/**/*.test.ts"],
  testEnvironment: "node",
  testTimeout: 30_000,
};
