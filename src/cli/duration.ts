/** Nanoseconds in each unit of Go's time.ParseDuration. */
const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Milliseconds of a duration as Go writes them: "1h30m", "1.5s", "-100ms", "0". Undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  const [, sign = "", rest = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === "0") return 0;
  const parts = [...rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)];
  const length = parts.reduce((total, [part]) => total + part.length, 0);
  if (parts.length === 0 || length !== rest.length) return undefined;
  const ns = parts.reduce(
    (total, [, number = "", unit = ""]) => total + Number(number) * (units[unit] ?? 0),
    0,
  );
  return ((sign === "-" ? -1 : 1) * ns) / 1e6;
}
