/** The names of a deployment's cookies (better-auth 1.7.25, `cookies/index`, createCookieGetter). */
export interface CookieNames {
  readonly sessionToken: string;
  readonly sessionData: string;
  readonly dontRemember: string;
  /** Under https: the names have a prefix, and browsers send the cookies only over https. */
  readonly secure: boolean;
}

/**
 * @param baseUrl the application's, which decides whether cookies are secure
 * @param prefix `advanced.cookiePrefix`; null for Better Auth's default
 */
export function cookieNames(baseUrl: string, prefix: string | null): CookieNames {
  const secure = /^https:/i.test(baseUrl);
  const named = (name: string) => `${secure ? '__Secure-' : ''}${prefix ?? 'better-auth'}.${name}`;
  return {
    sessionToken: named('session_token'),
    sessionData: named('session_data'),
    dontRemember: named('dont_remember'),
    secure,
  };
}
