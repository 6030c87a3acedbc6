/** The outcome of a check. A check that could not be done warns, and says so. */
export type FindingStatus = 'ok' | 'warn' | 'fail';

/** Text to paste: into the database's client, into `sessionctl.toml`, into a shell, or into the application. */
export interface Remedy {
  readonly kind: 'sql' | 'toml' | 'command' | 'typescript';
  readonly text: string;
}

/** The result of a check. */
export interface Verdict {
  readonly status: FindingStatus;
  /** One line. */
  readonly result: string;
  readonly remedy?: Remedy | null;
  /** The check learnt nothing, so the result says nothing about the deployment. */
  readonly inconclusive?: boolean;
}

export interface Check {
  /** Stable, for scripts. */
  readonly id: string;
  /** Why it matters, in one or two sentences. */
  readonly explanation: string;
  readonly carryOut: () => Verdict | Promise<Verdict>;
}

/** The finding of a check, done or not. */
export interface Finding extends Required<Verdict> {
  readonly id: string;
  readonly explanation: string;
}

export const ok = (result: string): Verdict => ({ status: 'ok', result });

export const warn = (result: string, remedy: Remedy | null = null): Verdict => ({
  status: 'warn',
  result,
  remedy,
});

export const fail = (result: string, remedy: Remedy | null = null): Verdict => ({
  status: 'fail',
  result,
  remedy,
});

/** The check learnt nothing: never counts as `ok`. */
export const unknown = (result: string, remedy: Remedy | null = null): Verdict => ({
  status: 'warn',
  result,
  remedy,
  inconclusive: true,
});

export const sql = (text: string): Remedy => ({ kind: 'sql', text });
export const toml = (text: string): Remedy => ({ kind: 'toml', text });
export const command = (text: string): Remedy => ({ kind: 'command', text });
export const typescript = (text: string): Remedy => ({ kind: 'typescript', text });
