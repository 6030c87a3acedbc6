/** How a deployment calls its cookies (better-auth 1.7.25, `cookies/index`, createCookieGetter). */
export interface CookieNames {
  readonly sessionToken: string;
  readonly sessionData: string;
  readonly dontRemember: string;
  /** Under https: the names have a prefix, and browsers send them over https alone. */
  readonly secure: boolean;
}

/**
 * @param baseUrl of the application, which decides whether cookies are secure
 * @param prefix `advanced.cookiePrefix`; null for Better Auth's own
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
