import type { Context } from '../context.ts';
import type { PastedItem, ResolvedItem } from '../sessions/pasted.ts';

/** Shorter text cannot be a credential, unless a store knows it. */
const SHORTEST = 16;

/** Keeps everything that is or may be a credential out of all output from here on. */
export function protectPaste(
  { redactor }: Pick<Context, 'redactor'>,
  items: readonly PastedItem[],
  resolved: readonly ResolvedItem[],
): void {
  for (const { credentials } of [...items, ...resolved])
    for (const { token, signature } of credentials.flatMap(({ readings }) => readings)) {
      if (token.length >= SHORTEST) redactor.protect(token);
      redactor.protect(signature);
    }
  for (const { reading } of resolved.flatMap(({ credentials }) => credentials))
    redactor.protect(reading.token);
  for (const { value } of items.flatMap(({ copies }) => copies)) redactor.protect(value);
}
