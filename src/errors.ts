/** All exit codes of sessionctl. Scripts rely on them: a number is never reused. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 130;

export interface ErrorDetails {
  /** What the reader can do next, in one line. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * An outcome that sessionctl foresees, with an exit code, a stable code word for scripts and a hint. Any other thrown
 * value is a defect and ends with 1.
 */
export abstract class SessionctlError extends Error {
  abstract readonly exitCode: ExitCode;
  /** A stable word for `{"error":{"code":…}}`. */
  abstract readonly code: string;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.hint = details.hint;
  }

  /** The same error with its consequence for the work that it ended. A given hint replaces its own. */
  withContext(consequence: string, hint: string | undefined): SessionctlError {
    const Same = this.constructor as new (message: string, details: ErrorDetails) => SessionctlError;
    return new Same(`${this.message}; ${consequence}`, { hint: hint ?? this.hint, cause: this });
  }
}

/** What was asked for does not exist, or the work failed: exit 1. */
export class FailedError extends SessionctlError {
  readonly exitCode = 1;
  readonly code = 'failed';
}

/** The words on the command line are wrong: exit 2. */
export class UsageError extends SessionctlError {
  readonly exitCode = 2;
  readonly code = 'usage';
}

/** The configuration is missing or invalid: exit 3. */
export class ConfigError extends SessionctlError {
  readonly exitCode = 3;
  readonly code = 'config';
}

/** A database cannot be reached, or refuses: exit 4. */
export class ConnectionError extends SessionctlError {
  readonly exitCode = 4;
  readonly code = 'connection';
}

/** The schema is not one that sessionctl can work on: exit 5. */
export class SchemaError extends SessionctlError {
  readonly exitCode = 5;
  readonly code = 'schema';
}

/** A signal or a limit ended the work with some of it left: exit 6. Run again, the command continues. */
export class IncompleteError extends SessionctlError {
  readonly exitCode = 6;
  readonly code = 'incomplete';
}

/** A guard refused before anything was changed: exit 7. */
export class GuardError extends SessionctlError {
  readonly exitCode = 7;
  readonly code = 'guard';
}

/** Another run holds the lock, nothing was changed: exit 8. */
export class LockedError extends SessionctlError {
  readonly exitCode = 8;
  readonly code = 'locked';
}

/** Sessions that should be gone still answer: exit 9. */
export class SurvivorsError extends SessionctlError {
  readonly exitCode = 9;
  readonly code = 'survivors';
}

/** Cancelled at a prompt or by Ctrl-C before anything was changed: exit 130. */
export class CancelledError extends SessionctlError {
  readonly exitCode = 130;
  readonly code = 'cancelled';
}
