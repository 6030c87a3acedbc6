import type { Environment } from './environment.ts';

export interface Expansion {
  /** The text with every reference replaced; null where a variable is unset or a reference is malformed. */
  readonly text: string | null;
  /** Names of the referenced variables. */
  readonly variables: readonly string[];
  /** Those of them that are unset or empty. */
  readonly unset: readonly string[];
  /** Text that looks like a reference but is not one, such as `${A-B}`. */
  readonly malformed: readonly string[];
}

/** `$${` first, so that it is never read as a reference; an unclosed `${` takes the rest of the text. */
const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Replaces each `${NAME}` by the variable's exact value: a password in a URL must be URL-encoded in the variable. `$${`
 * stands for a literal `${`; `$NAME` without braces is left alone.
 */
export function expandReferences(raw: string, env: Environment): Expansion {
  const variables: string[] = [];
  const unset: string[] = [];
  const malformed: string[] = [];
  const text = raw.replace(REFERENCE, (reference, name: string | undefined, close: string | undefined) => {
    if (name === undefined) return '${';
    if (close !== '}' || !VARIABLE.test(name)) {
      malformed.push(reference);
      return '';
    }
    variables.push(name);
    const value = env(name);
    if (value === undefined) unset.push(name);
    return value ?? '';
  });
  return { text: unset.length > 0 || malformed.length > 0 ? null : text, variables, unset, malformed };
}

/** Whether every variable that a text refers to is set. */
export function isExpandable(raw: string, isSet: (name: string) => boolean): boolean {
  return expandReferences(raw, (name) => (isSet(name) ? '' : undefined)).text !== null;
}

/** The text without its references: only its literal parts. */
export function withoutReferences(raw: string): string {
  return raw.replace(REFERENCE, (reference, name: string | undefined) =>
    name === undefined ? reference : '',
  );
}

/** The text in the form that `expandReferences` turns back into it. */
export function escapeReferences(text: string): string {
  // A function, since in a replacement string `$$` would be one dollar.
  return text.replaceAll('${', () => '$${');
}

/** Whether a text can be the name in `${…}`. */
export function isVariableName(name: string): boolean {
  return VARIABLE.test(name);
}
