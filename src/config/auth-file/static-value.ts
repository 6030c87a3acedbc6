/** The value of an expression in a source file, if it is known without running anything. */
export type StaticValue =
  KnownValue | ReferenceValue | ObjectValue | ArrayValue | CallValue | FunctionValue | UnknownValue;

/** A literal value, or one computed from literals. */
export interface KnownValue {
  readonly kind: 'known';
  readonly value: string | number | boolean | null | undefined;
  readonly line: number;
}

/**
 * Text that depends on variables of the environment: `${NAME}` stands for each, as in a configuration file. Fallback
 * values for unset variables are ignored.
 */
export interface ReferenceValue {
  readonly kind: 'reference';
  readonly text: string;
  readonly line: number;
}

export interface ObjectValue {
  readonly kind: 'object';
  readonly entries: ReadonlyMap<string, StaticValue>;
  /** The line of an unread value that may add keys, so that a missing key may exist; else null. */
  readonly openAt: number | null;
  readonly line: number;
}

export interface ArrayValue {
  readonly kind: 'array';
  readonly items: readonly StaticValue[];
  readonly line: number;
}

/** A call, with or without `new`; nothing is called. */
export interface CallValue {
  readonly kind: 'call';
  /** The name under which the module exports it; for `a.b()` it is `b`. */
  readonly name: string;
  /** The module that the name was imported from; null where it was not imported. */
  readonly module: string | null;
  /** For `a.b()`, the value of `a`. */
  readonly of: StaticValue | null;
  readonly args: readonly StaticValue[];
  readonly line: number;
}

/** A function. Only the uses of its first parameter are known. */
export interface FunctionValue {
  readonly kind: 'function';
  /** The calls in it that receive the parameter, by itself or as a part of a text. */
  readonly uses: () => readonly ParameterUse[];
  readonly line: number;
}

export interface ParameterUse {
  /** The object that the method is called on. */
  readonly of: StaticValue;
  /** The text before the parameter; null where it is not known. */
  readonly prefix: string | null;
  readonly line: number;
}

export interface UnknownValue {
  readonly kind: 'unknown';
  /** Its possible values, if the file shows them: literals before a spread, or on either side of a condition. */
  readonly candidates?: readonly StaticValue[];
  /** As in "session.expiresIn …": `is made by days(), which is not run`. */
  readonly why: string;
  readonly line: number;
}
