import late from "./late.json";
import survived from "./survived.json";
import untold from "./untold.json";

/** Reasons, and the places that each is true of. */
type Table = Readonly<Record<string, readonly string[]>>;

/** Where an operation goes on without the call: it ends well, and the container is as it should be. */
export const survivedAt = tableOf("survived.json", survived);

/** Where an operation fails without the errno in its message. */
export const untoldAt = tableOf("untold.json", untold);

/** Where the operation has answered already: what becomes of the container then is not its failure. */
export const lateAt = tableOf("late.json", late);

export interface Places {
  /** Whether a row is about this place; that the row is used is kept. */
  readonly has: (place: string) => boolean;
  /** Rows that were about no place so far: they may be about none at all. */
  readonly unused: () => string[];
}

function tableOf(file: string, table: Table): Places {
  const rows = Object.values(table).flat();
  const used = new Set<string>();
  return {
    has(place) {
      const about = rows.filter((row) => isAbout(row, place));
      for (const row of about) used.add(row);
      return about.length > 0;
    },
    unused: () => rows.filter((row) => !used.has(row)).map((row) => `${file}: ${row}`),
  };
}

/**
 * A row is the beginning of a place, `init: read in drain`, or names any function that the call stands in,
 * which may be further out.
 */
function isAbout(row: string, place: string): boolean {
  if (place.startsWith(row)) return true;
  const [call = "", within] = row.split(" in ");
  const [, functions = ""] = place.split(" in ");
  return within !== undefined && place.startsWith(call) && functions.split(" < ").includes(within);
}
