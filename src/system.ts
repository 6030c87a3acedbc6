/** A stream for text, such as the process's stdout and stderr. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** As in Node: false asks to wait for 'drain'; the callback gets the error, such as EPIPE. */
  write(text: string | Uint8Array, callback?: (error?: Error | null) => void): boolean;
  /** Reports that a terminal has changed its size. */
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** A stream to read from, such as the process's stdin. */
export interface InputStream extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean | undefined;
}

/**
 * Everything of the surrounding process that sessionctl uses. `bin/` passes the real one, tests a fake one; no other
 * code reads the process.
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
  /** The local clock, in milliseconds since 1970. The database's clock decides about sessions. */
  readonly now: () => number;
  /** The user and the machine, for the history. */
  readonly operator: () => { readonly user: string; readonly host: string };
  /**
   * Called when the run starts to change something: a signal that ends it at once from then on is not a mere
   * cancellation.
   */
  readonly changing: () => void;
  /** Rejects with an error that no caller waits for, such as one in an event of a driver. Read once. */
  readonly uncaught: () => Promise<never>;
  /**
   * Whether this process may read and change the terminal. A background job of a shell is stopped when it tries, and a
   * stopped process does not even end by a signal until it continues.
   */
  readonly inForeground: () => boolean;
  /** The number of this process, by which other processes find it. */
  readonly pid: number;
}
