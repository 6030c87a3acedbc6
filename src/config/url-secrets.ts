/** `scheme://user:password@`; a password ends at the last @ of the authority, so a bare @ inside it is no way around. */
const AUTHORITY = /^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:)([^/?#]*)@/i;
/** Drivers also take the password as a parameter. */
const PARAMETER = /([?&](?:password|sslpassword)=)([^&#]*)/gi;

/** The passwords in a database or Redis URL, as written and decoded; empty where there is none. */
export function passwordsIn(url: string): readonly string[] {
  const found = [AUTHORITY.exec(url)?.[2], ...[...url.matchAll(PARAMETER)].map((match) => match[2])];
  return found.flatMap((password) =>
    password === undefined || password === '' ? [] : [password, decoded(password)],
  );
}

/** A URL whose every part is where it belongs: what follows the password cannot be a piece of it. */
const PLAIN_URL =
  /^[a-z][a-z0-9+.-]*:\/\/(?:[^:/?#\s]*(?::[^/?#\s]*)?@)?(?:\[[0-9a-f:.]+\]|[^@:/?#\s[\]]*)(?::\d+)?(?:\/[^@?#\s]*)?(?:\?[^@#\s]*)?$/i;
const FILE = /^(?:sqlite3?|file):(?:\/\/)?/i;

/**
 * Whether the text is a URL, or the path of a file, without doubt. A bare `/`, `#` or `?` in a password moves the rest of
 * it into the host, the path or the fragment; a quote or a space in front makes a path of it. Such a text is refused,
 * and nothing of it is printed.
 */
export function isPlainUrl(text: string): boolean {
  const path = text.replace(FILE, '');
  if (path === text && /^[a-z][a-z0-9+.-]+:\/\//i.test(text)) return PLAIN_URL.test(text);
  return !/:\/\/|:.*@|^[\s'"]|[\s'"]$/.test(path);
}

/** The URL with `***` for each password, or for all of it where it cannot be told apart, fit to be printed. */
export function maskPasswords(url: string): string {
  if (!isPlainUrl(url)) return '***';
  return url.replace(AUTHORITY, '$1***@').replace(PARAMETER, '$1***');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
