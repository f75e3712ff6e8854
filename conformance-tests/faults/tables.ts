import late from "./late.json";
import survived from "./survived.json";
import untold from "./untold.json";

/** Reasons, and the places that each is true of. */
type Table = Readonly<Record<string, readonly string[]>>;

/** Where an operation goes on without the call: it ends well, and the container is as it should be. */
export const survivedAt = tableOf(survived);

/** Where an operation fails without the errno in its message. */
export const untoldAt = tableOf(untold);

/** Where the operation has answered already: what becomes of the container then is not its failure. */
export const lateAt = tableOf(late);

export interface Places {
  /** Whether a row is about this place. */
  readonly has: (place: string) => boolean;
}

function tableOf(table: Table): Places {
  const rows = Object.values(table).flat();
  return { has: (place) => rows.some((row) => isAbout(row, place)) };
}

/**
 * A row is the beginning of a place, `init: read in drain`, or names any function that the call stands in,
 * which may be further out. One that ends with "in" is a call in no other function than the program's first.
 */
function isAbout(row: string, place: string): boolean {
  if (row.endsWith(" in ")) return place === row;
  if (place.startsWith(row)) return true;
  const [call = "", within] = row.split(" in ");
  const [, functions = ""] = place.split(" in ");
  return within !== undefined && place.startsWith(call) && functions.split(" < ").includes(within);
}
