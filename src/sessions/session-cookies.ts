import type { CookieNames } from './cookie-names.ts';
import { signatureOf } from './cookie-signature.ts';

export interface SessionCookies {
  /** `Set-Cookie` lines of a server's answer to a sign-in. They contain the signed token. */
  readonly setCookie: readonly string[];
  /** What a client sends back: the value of its `Cookie` header. */
  readonly cookie: string;
}

/**
 * The cookies of a session, as Better Auth 1.7.25 makes them (`setSessionCookie`).
 * A session that was given less than `expiresIn` is due for refresh from its first request on, which would extend it to
 * the whole of `expiresIn`. As after a sign-in without "remember me", a second cookie prevents the refresh.
 * @param maxAge milliseconds
 */
export async function sessionCookies(
  token: string,
  {
    names,
    secret,
    maxAge,
    refreshes,
  }: {
    readonly names: CookieNames;
    readonly secret: string;
    readonly maxAge: number;
    /** Requests refresh it, like a session of a sign-in. */
    readonly refreshes: boolean;
  },
): Promise<SessionCookies> {
  const cookies = await Promise.all(
    [[names.sessionToken, token], ...(refreshes ? [] : [[names.dontRemember, 'true']])].map(
      async ([name = '', value = '']) =>
        `${name}=${encodeURIComponent(`${value}.${await signatureOf(value, secret)}`)}`,
    ),
  );
  const attributes = [
    `Max-Age=${String(Math.floor(maxAge / 1000))}`,
    'Path=/',
    'HttpOnly',
    ...(names.secure ? ['Secure'] : []),
    'SameSite=Lax',
  ].join('; ');
  return { setCookie: cookies.map((cookie) => `${cookie}; ${attributes}`), cookie: cookies.join('; ') };
}
