/** A value that the operator typed is invalid; the exit code is 2. */
export class InvalidValueError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'InvalidValueError';
    this.hint = hint;
  }
}

/** A named user or session does not exist; the exit code is 1. */
export class NotFoundError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'NotFoundError';
    this.hint = hint;
  }
}

/** The request cannot be answered without a further setting; the exit code is 3. */
export class MissingSettingError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'MissingSettingError';
    this.hint = hint;
  }
}
