/** What a shell says of a program that a signal ended. */
const signalledExitStatus = 128;

/** The exit status of a command that was there for a program. */
export const exitStatusOf = ({
  status,
  signal,
}: {
  readonly status: number;
  readonly signal: number;
}) => (signal === 0 ? status : signalledExitStatus + signal);
