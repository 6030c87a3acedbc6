/** A problem in a configuration file. */
export interface Problem {
  /** From 1. */
  readonly line: number;
  /** From 1; null if the line alone is enough. Syntax errors have one. */
  readonly column: number | null;
  readonly message: string;
  /** What to write instead, or null if the message is enough. */
  readonly hint: string | null;
}

/** `path:line: message. Hint`, the form that editors turn into a link. */
export function describeProblem(path: string, { line, column, message, hint }: Problem): string {
  const place = column === null ? `${path}:${String(line)}` : `${path}:${String(line)}:${String(column)}`;
  return `${place}: ${message}${hint === null ? '' : `. ${hint}`}`;
}
