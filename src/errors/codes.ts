/** Every code that a RuntimeError may carry: what it means, and the exit status of the command. */
export const errorCodes = {
  USAGE: { meaning: "the command line is not one of ours", exitCode: 1 },
  COMMAND_UNKNOWN: { meaning: "the first word of the command line is no command", exitCode: 3 },
  BUNDLE_UNREADABLE: { meaning: "the bundle or its config.json cannot be read", exitCode: 1 },
  CONFIG_INVALID: { meaning: "config.json breaks the specification", exitCode: 1 },
  CONFIG_UNSUPPORTED: {
    meaning: "config.json asks for what this machine or build cannot do",
    exitCode: 1,
  },
  ID_INVALID: { meaning: "the container id has characters that it may not have", exitCode: 1 },
  ID_TAKEN: { meaning: "a container of that id exists", exitCode: 1 },
  CONTAINER_UNKNOWN: { meaning: "no container has that id", exitCode: 1 },
  CONTAINER_WRONG_STATUS: {
    meaning: "the operation is not allowed in the container's status",
    exitCode: 1,
  },
  STATE_UNREADABLE: { meaning: "the container's record cannot be read", exitCode: 1 },
  HOST_FAILED: { meaning: "the driver's own system call failed", exitCode: 1 },
  CGROUP_FAILED: { meaning: "the cgroup cannot be made, joined or removed", exitCode: 1 },
  CRIU_FAILED: { meaning: "there is no CRIU, or it did not do what it was asked", exitCode: 1 },
  HOOK_FAILED: { meaning: "a hook failed or took too long", exitCode: 1 },
  INIT_FAILED: { meaning: "a step of init failed", exitCode: 1 },
  INIT_DIED: { meaning: "init died before it could say why", exitCode: 1 },
  PROGRAM_FAILED: { meaning: "the container's program cannot be executed", exitCode: 1 },
} as const satisfies Record<string, { meaning: string; exitCode: number }>;

export type ErrorCode = keyof typeof errorCodes;
