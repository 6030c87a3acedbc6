import { maskParameters } from './config/url-secrets.ts';

/** Keeps secrets out of everything that is printed: learned ones by their value, unknown ones by their place in a URL. */
export interface Redactor {
  /** Remembers a secret, in its plain and its URL-encoded form. Values under four characters are not searched for. */
  protect(secret: string | null | undefined): void;
  /** The text with every remembered secret, and every password and unknown parameter inside a URL, replaced by `***`. */
  redact(text: string): string;
}

const MASK = '***';
const PASSWORD_IN_URL = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@]+@/gi;

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let longestFirst: readonly string[] | null = null;
  return {
    protect(secret) {
      if (secret === null || secret === undefined || secret.length < 4) return;
      secrets.add(secret);
      secrets.add(encodeURIComponent(secret));
      longestFirst = null;
    },
    redact(text) {
      longestFirst ??= [...secrets].sort((a, b) => b.length - a.length);
      const plain = longestFirst.reduce((safe, secret) => safe.replaceAll(secret, MASK), text);
      return maskParameters(plain.replace(PASSWORD_IN_URL, `$1:${MASK}@`));
    },
  };
}
