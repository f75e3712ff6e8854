// As in support/environment.ts, which jest has not compiled yet when it reads this.
const patience = Number(process.env.TSOCI_TEST_PATIENCE ?? 1);

/** Tests that drive a built runtime. TSOCI_TEST_RUNTIME names another one than dist/bin/tsoci. */
module.exports = {
  displayName: "conformance",
  rootDir: "..",
  roots: ["<rootDir>/conformance-tests"],
  testMatch: ["<rootDir>/conformance-tests/**/*.test.ts"],
  transform: {
    "^.+\\.(ts|mjs)$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript" } } },
    ],
  },
  testEnvironment: "node",
  setupFiles: ["<rootDir>/conformance-tests/support/locate-addon.ts"],
  globalSetup: "<rootDir>/conformance-tests/support/global-setup.ts",
  globalTeardown: "<rootDir>/conformance-tests/support/global-teardown.ts",
  testTimeout: 30_000 * patience,
};
