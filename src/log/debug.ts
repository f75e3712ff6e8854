import { formatLogLine, type LogFields, type LogFormat, timestamp } from "./lines";

export type Debug = (message: string, fields?: LogFields) => void;

/**
 * What `--debug` logs by. Only `--debug` and what lives long may load pino, which takes longer than
 * `state` takes to answer. Each line reaches `write` before the call returns.
 */
export async function createDebug(
  format: LogFormat,
  write: (line: string) => void,
): Promise<Debug> {
  const { pino } = await import("pino");
  const logger = pino(
    {
      level: "debug",
      base: null,
      messageKey: "msg",
      timestamp: () => `,"time":"${timestamp()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    { write: format === "json" ? write : (line: string) => write(asText(line)) },
  );
  const begun = performance.now();
  return (message, fields = {}) => {
    const elapsedMs = Math.round((performance.now() - begun) * 100) / 100;
    logger.debug({ ...fields, elapsedMs }, message);
  };
}

function asText(line: string): string {
  const { level: _level, time: _time, msg, ...fields } = JSON.parse(line);
  return formatLogLine("text", "debug", msg, fields);
}
