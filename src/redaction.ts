import { maskParameters } from './config/url-secrets.ts';

/** Keeps secrets out of everything that is printed: learned ones by their value, unknown ones by their place in a URL. */
export interface Redactor {
  /** Remembers a secret, as it is, in a URL and in JSON. Values under four characters are not searched for. */
  protect(secret: string | null | undefined): void;
  /** Whether a remembered secret of 16 characters or more stands in the text. A shorter one may be a common word. */
  holdsSecret(text: string): boolean;
  /**
   * The text with every remembered secret, and every password and unknown parameter inside a URL, replaced by `***`. Takes
   * time in proportion to the text, which others may have written.
   */
  redact(text: string): string;
}

const MASK = '***';
const SHORTEST_UNMISTAKABLE = 16;

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let longestFirst: readonly string[] | null = null;
  return {
    protect(secret) {
      if (secret === null || secret === undefined || secret.length < 4) return;
      secrets.add(secret);
      secrets.add(encodeURIComponent(Buffer.from(secret).toString()));
      secrets.add(JSON.stringify(secret).slice(1, -1));
      longestFirst = null;
    },
    holdsSecret: (text) =>
      [...secrets].some((secret) => secret.length >= SHORTEST_UNMISTAKABLE && text.includes(secret)),
    redact(text) {
      longestFirst ??= [...secrets].sort((a, b) => b.length - a.length);
      const plain = longestFirst.reduce((safe, secret) => safe.replaceAll(secret, MASK), text);
      return maskParameters(plain.replace(/\S+/g, maskPasswords));
    },
  };
}

/** In a word, everything between `://user:` and the next `@`. */
function maskPasswords(word: string): string {
  if (!word.includes('://')) return word;
  const pieces = word.split('@');
  const end = pieces.pop() ?? '';
  return [...pieces.map((piece) => piece.replace(/(:\/\/[^:/]*:).+/, `$1${MASK}`)), end].join('@');
}
