/** A value that a person typed does not mean anything here; the command line ends with 2. */
export class InvalidValueError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'InvalidValueError';
    this.hint = hint;
  }
}

/** A user or session that was named does not exist; the command line ends with 1. */
export class NotFoundError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'NotFoundError';
    this.hint = hint;
  }
}

/** What was asked cannot be answered until the configuration says more; the command line ends with 3. */
export class MissingSettingError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'MissingSettingError';
    this.hint = hint;
  }
}
