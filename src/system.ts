/** A stream that text is written to, as the process's stdout and stderr are. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** As in Node: false asks to wait for 'drain'; the callback gets the error, such as EPIPE. */
  write(text: string | Uint8Array, callback?: (error?: Error | null) => void): boolean;
  /** Tells of a terminal that changes its size. */
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** A stream that is read from, as the process's stdin is. */
export interface InputStream extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean | undefined;
}

/**
 * Everything of the surrounding process that sessionctl uses. `bin/` hands in the real one, tests a fake one;
 * nothing else reads the process.
 */
export interface System {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The absolute working directory. */
  readonly cwd: string;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; its reason is the name of the signal. */
  readonly signal: AbortSignal;
  /** The local clock, in milliseconds since 1970. What decides about sessions is the database's clock. */
  readonly now: () => number;
  /** Who runs it, and on which machine: the history names them. */
  readonly operator: () => { readonly user: string; readonly host: string };
  /** Told when the run begins to change something: whoever ends it at once from then on has not merely cancelled it. */
  readonly changing: () => void;
  /** Told when the run ends while something is still open that nobody waits for, such as a query. */
  readonly leaving: () => void;
  /** Rejects with an error that is thrown where no caller waits for it, such as in an event of a driver. Asked for once. */
  readonly uncaught: () => Promise<never>;
  /**
   * Whether the terminal is this process's to read and to change. A shell's job in the background is stopped where it tries,
   * and a stopped process does not even end by a signal until it goes on.
   */
  readonly inForeground: () => boolean;
  /** The number of this process, by which others find it. */
  readonly pid: number;
}
