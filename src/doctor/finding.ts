/** How a check ended. A check that could not be carried out warns, and says so. */
export type FindingStatus = 'ok' | 'warn' | 'fail';

/** Something to paste: into the database's client, into `sessionctl.toml`, into a shell, or into the application. */
export interface Remedy {
  readonly kind: 'sql' | 'toml' | 'command' | 'typescript';
  readonly text: string;
}

/** What a check came to. */
export interface Verdict {
  readonly status: FindingStatus;
  /** One line. */
  readonly result: string;
  readonly remedy?: Remedy | null;
  /** Nothing could be learnt, so that this says nothing about the deployment. */
  readonly inconclusive?: boolean;
}

/** One thing that is examined. */
export interface Check {
  /** Stable, for scripts. */
  readonly id: string;
  /** Why it matters, in a sentence or two. */
  readonly explanation: string;
  readonly carryOut: () => Verdict | Promise<Verdict>;
}

/** A check that was carried out, or could not be. */
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

/** Nothing could be learnt: never taken for `ok`. */
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
