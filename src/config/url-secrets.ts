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

/** The URL with `***` for each password, fit to be printed. */
export function maskPasswords(url: string): string {
  return url.replace(AUTHORITY, '$1***@').replace(PARAMETER, '$1***');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
