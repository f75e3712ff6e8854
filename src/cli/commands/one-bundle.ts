import type { Surroundings } from "../command-line";
import { formatFlag } from "../flag";
import { quoted } from "../quoted";
import { UsageError } from "../usage-error";
import { against } from "../values";

/** What the commands that look at a bundle and leave it alone have in common. */
export const oneBundle = {
  positionals: "[bundle]",
  least: 0,
  most: 1,
  flagsAnywhere: true,
} as const;

export const reportFormatFlag = formatFlag(["text", "json"], "form of the answer");

/** The bundle's directory, by the flag or as the positional argument. */
export function onlyBundle(
  flag: string | undefined,
  positional: string,
  surroundings: Surroundings,
): string {
  if (flag !== undefined && positional !== "") {
    const found = `--bundle ${quoted(flag)} and ${quoted(positional)}`;
    throw new UsageError(`the bundle is named twice: ${found}`);
  }
  return against(surroundings, flag ?? positional);
}
