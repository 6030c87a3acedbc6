/** The global options as commander hands them over. */
export interface GlobalFlags {
  readonly profile?: string;
  readonly config?: string;
  readonly url?: string;
  readonly timeZone?: string;
  readonly output?: string;
  readonly json?: boolean;
  /** commander's form of `--no-color`: false when it was given. */
  readonly color: boolean;
  /** commander's form of `--no-input`: false when it was given. */
  readonly input: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}
