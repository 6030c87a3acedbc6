/** What an expression of a source file means, as far as it can be told without running anything. */
export type StaticValue =
  KnownValue | ReferenceValue | ObjectValue | ArrayValue | CallValue | FunctionValue | UnknownValue;

/** Written out, or computed from what is. */
export interface KnownValue {
  readonly kind: 'known';
  readonly value: string | number | boolean | null | undefined;
  readonly line: number;
}

/**
 * Text that depends on variables of the environment: `${NAME}` stands for each, as in a configuration file. What is taken
 * where one of them is not set is left aside.
 */
export interface ReferenceValue {
  readonly kind: 'reference';
  readonly text: string;
  readonly line: number;
}

export interface ObjectValue {
  readonly kind: 'object';
  readonly entries: ReadonlyMap<string, StaticValue>;
  /** Where something that cannot be read adds to it, so that a key that is missing may be there; else null. */
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
  /** As the module exports it, whatever it is called here; of `a.b()` it is `b`. */
  readonly name: string;
  /** Where the name was imported from; null where it was not. */
  readonly module: string | null;
  /** Of `a.b()` what `a` is. */
  readonly of: StaticValue | null;
  readonly args: readonly StaticValue[];
  readonly line: number;
}

/** A function, of which only the uses of its first parameter may be asked for. */
export interface FunctionValue {
  readonly kind: 'function';
  /** The calls in it that are handed the parameter, itself or as a part of a text. */
  readonly uses: () => readonly ParameterUse[];
  readonly line: number;
}

export interface ParameterUse {
  /** What the method is called on. */
  readonly of: StaticValue;
  /** The text in front of the parameter; null where it cannot be told. */
  readonly prefix: string | null;
  readonly line: number;
}

export interface UnknownValue {
  readonly kind: 'unknown';
  /** What it may be, as far as the file says: what is written out before a spread, or on either side of a condition. */
  readonly candidates?: readonly StaticValue[];
  /** As in "session.expiresIn …": `is made by days(), which is not run`. */
  readonly why: string;
  readonly line: number;
}
