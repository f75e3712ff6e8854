// The suites of `make prove`, in the order of the page. `jest` are patterns of test files, `script` a program
// that ends with its counts; `peers` are runtimes that the suite is run with as well.
export const proofs = {
  faults: {
    title: "Fault sweep",
    about:
      "Every host call of the driver and every system call of driver and init fails in its turn, and each process is killed at each of these points: the error is one clear line, and nothing is left.",
    jest: ["conformance-tests/faults/"],
  },
  hostile: {
    title: "Advisories, hostile root file systems and races",
    about:
      "What attackers of this and other runtimes did, from outside: each advisory that applies, root file systems that lie, and paths that another process swaps while mounts are made.",
    jest: [
      "conformance-tests/security/",
      "conformance-tests/hostile/",
      "conformance-tests/rootfs/",
      "conformance-tests/exec/security",
    ],
    peers: ["runc"],
  },
  inputs: {
    title: "Bad input",
    about:
      "Each is a row of a table with the error that it must get; nothing is changed, and nothing left.",
    jest: ["conformance-tests/inputs/", "conformance-tests/validate/", "conformance-tests/errors/"],
    peers: ["runc"],
  },
  fuzz: {
    title: "Fuzzing",
    about:
      "What takes bytes from others: by libFuzzer with the address and undefined sanitizers in C++, by grammars in TypeScript.",
    script: "conformance-tests/fuzz/run.mjs",
  },
  sanitizers: {
    title: "Sanitizers",
    about:
      "The addon, init and their tests under the address, undefined and thread sanitizers, and valgrind.",
    script: "conformance-tests/sanitizers/run.mjs",
  },
  load: {
    title: "Load and exhaustion",
    about:
      "Many at once, the same id from many processes, and everything that can run out or hang.",
    jest: ["conformance-tests/load/"],
    peers: ["runc"],
  },
  mutants: {
    title: "Mutation check",
    about: "The code is broken in known ways, one at a time; the tests must notice.",
    script: "conformance-tests/mutants/run.mjs",
  },
};
