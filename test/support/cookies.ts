import { createHmac } from 'node:crypto';
import type { SignIn } from './app.ts';

/** That of every application in the tests. */
export const appSecret = 'a secret of forty characters for the tests';

/** A cookie's value, as Better Auth's own library signs it. */
export function signed(token: string, secret = appSecret): string {
  return `${token}.${createHmac('sha256', secret).update(token).digest('base64')}`;
}

/** A header with the session cookie alone. */
export function sessionCookie(value: string, name = 'better-auth.session_token'): string {
  return `${name}=${encodeURIComponent(value)}`;
}

/** The value of one cookie of a sign-in. */
export function cookieValue({ cookie }: Pick<SignIn, 'cookie'>, name: string): string {
  const value = new RegExp(`(?:^|; )${name.replaceAll('.', '\\.')}=([^;]*)`).exec(cookie)?.[1];
  if (value === undefined) throw new Error(`the sign-in has no cookie ${name}`);
  return value;
}

/** What is in a copy of the strategy `compact`. */
export interface CachedCopy {
  readonly session: {
    readonly session: Readonly<Record<string, unknown>>;
    readonly user: Readonly<Record<string, unknown>>;
    readonly updatedAt?: number;
    readonly version?: string;
  };
  readonly expiresAt: number;
}

export function readCopy(value: string): CachedCopy {
  return JSON.parse(Buffer.from(value, 'base64url').toString('utf8')) as CachedCopy;
}

/** Signs a copy anew, as Better Auth's `setCookieCache` does. */
export function writeCopy({ session, expiresAt }: CachedCopy, secret = appSecret): string {
  const signature = createHmac('sha256', secret)
    .update(JSON.stringify({ ...session, expiresAt }))
    .digest('base64url');
  return Buffer.from(JSON.stringify({ session, expiresAt, signature })).toString('base64url');
}
