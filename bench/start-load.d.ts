export interface LoadOptions {
  /** A database with the tables of Better Auth's own adapter, under their usual names. */
  readonly url: string;
  readonly secret: string;
  readonly baseURL: string;
  /** Operations a second, whatever the answers do. */
  readonly perSecond: number;
  /** The share of sign-ins, 0 to 1. */
  readonly signIns: number;
  /** The share of refreshes; what is left looks sessions up. */
  readonly refreshes: number;
}

export interface Timing {
  /** When it was due, in milliseconds since 1970. */
  readonly at: number;
  /** From then to its answer. */
  readonly ms: number;
}

export interface LoadSignIn extends Timing {
  readonly token: string;
  readonly cookie: string;
  /** As the row says; ISO 8601. */
  readonly createdAt: string;
}

export interface LoadRequest extends Timing {
  /** Whether there was a session to refresh or to look up. */
  readonly alive: boolean;
}

export interface LoadError extends Timing {
  readonly operation: 'signIns' | 'refreshes' | 'lookUps';
  readonly message: string;
}

export interface LoadResult {
  readonly signIns: readonly LoadSignIn[];
  readonly refreshes: readonly LoadRequest[];
  readonly lookUps: readonly LoadRequest[];
  readonly errors: readonly LoadError[];
  /** Milliseconds of every operation, failed ones too. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Load {
  /** Waits for what is under way. */
  readonly stop: () => Promise<LoadResult>;
}

export function startLoad(options: LoadOptions): Promise<Load>;
