import { isShownParameter } from './url-parameters.ts';

/**
 * `scheme://user:password@`. A password ends at the last @ of the authority, so a bare @ inside it cannot expose the
 * rest.
 */
const AUTHORITY = /^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:)([^/?#]*)@/i;
/** A name without a password, which outside of databases is often a token. */
const LONE_NAME = /^((?!postgres|postgresql|mysql|mariadb)[a-z][a-z0-9+.-]*:\/\/)([^:/?#]+)@/i;
/** Any parameter: drivers accept a password as one, and hosting services a token under their own names. */
const PARAMETER = /([?&])([^=?&#\s]+)=([^&#\s"'`]*)/g;

/**
 * The secrets in a URL, as written and decoded: the password, and the values of parameters that are not known to be
 * harmless.
 */
export function passwordsIn(url: string): readonly string[] {
  const parameters = [...url.matchAll(PARAMETER)]
    .filter(([, , name = '']) => !isShownParameter(name))
    .map(([, , , value]) => value);
  const found = [AUTHORITY.exec(url)?.[2], LONE_NAME.exec(url)?.[2], ...parameters];
  return found.flatMap((password) =>
    password === undefined || password === '' ? [] : [password, decoded(password)],
  );
}

const HOST = String.raw`(?:\[[0-9a-f:.]+(?:%25\w+)?\]|[^@:,/?#\s[\]]*)(?::\d*)?`;
/** A URL whose every part is where it belongs: the text after the password cannot be a piece of it. */
const PLAIN_URL = new RegExp(
  String.raw`^[a-z][a-z0-9+.-]*:\/\/(?:[^:/?#\s]*(?::[^/?#\s]*)?@)?${HOST}(?:,${HOST})*(?:\/[^@?#\s]*)?(?:\?[^@#\s]*)?$`,
  'i',
);
const FILE = /^(?:sqlite3?|file):(?:\/\/)?/i;
/** `host=… password=…`, libpq's form that is not a URL, and similar forms. */
const KEYWORDS =
  /(?:^|[\s;])(?:host|hostaddr|server|port|dbname|database|user|user id|password|pwd|auth_?token|api_?key)\s*=/i;

/**
 * Whether the text is without doubt a URL, or the path of a file. A bare `/`, `#` or `?` in a password moves the rest
 * of it into the host, the path or the fragment; a quote or a space at the beginning makes the text a path. Such a text
 * is refused, and no part of it is printed.
 */
export function isPlainUrl(text: string): boolean {
  const path = text.replace(FILE, '');
  if (path === text && /^[a-z][a-z0-9+.-]+:\/\//i.test(text))
    return PLAIN_URL.test(text) && !KEYWORDS.test(text);
  return !/:\/\/|:.*@|^[\s'"]|[\s'"]$/.test(path) && !KEYWORDS.test(path);
}

/** The URL with `***` for each secret, or for the whole URL if its parts are not clear; safe to print. */
export function maskPasswords(url: string): string {
  if (!isPlainUrl(url)) return '***';
  return maskParameters(url.replace(AUTHORITY, '$1***@').replace(LONE_NAME, '$1***@'));
}

/** A text in which the values of all URL parameters that are not known to be harmless are `***`. */
export function maskParameters(text: string): string {
  return text.replace(PARAMETER, (whole, mark: string, name: string) =>
    isShownParameter(name) ? whole : `${mark}${name}=***`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
