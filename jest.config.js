/** Unit tests stand beside what they test and need no root. Those of containers have a config of their own. */
module.exports = {
  transform: {
    "^.+\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }],
  },
  testMatch: ["<rootDir>/src/**/*.test.ts"],
  testEnvironment: "node",
  testTimeout: 30_000,
};
