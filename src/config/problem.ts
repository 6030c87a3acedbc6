/** Something wrong in a configuration file. */
export interface Problem {
  /** From 1. */
  readonly line: number;
  /** From 1; only where a line alone does not say enough, as in a syntax error. */
  readonly column: number | null;
  readonly message: string;
  /** What to write in its place, or null where the message says it all. */
  readonly hint: string | null;
}

/** `path:line: message. Hint`, the form that editors turn into a link. */
export function describeProblem(path: string, { line, column, message, hint }: Problem): string {
  const place = column === null ? `${path}:${String(line)}` : `${path}:${String(line)}:${String(column)}`;
  return `${place}: ${message}${hint === null ? '' : `. ${hint}`}`;
}
