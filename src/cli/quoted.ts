const mostShown = 128;

/** A word of the caller's as an error shows it: in quotes, on one line, and not the whole of a long one. */
export const quoted = (text: string): string =>
  text.length <= mostShown
    ? JSON.stringify(text)
    : `${JSON.stringify(text.slice(0, mostShown)).slice(0, -1)}..."`;
