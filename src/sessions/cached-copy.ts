/** The ways in which Better Auth signs the copy of a session in the browser's cookie (`cookieCache.strategy`). */
export const cacheStrategies = ['compact', 'jwt', 'jwe'] as const;
export type CacheStrategy = (typeof cacheStrategies)[number];

/**
 * Minimum life of a copy, in milliseconds, if a user signed in without "remember me", even with a shorter `maxAge`
 * (better-auth 1.7.25, `cookies/index`, setCookieCache).
 */
const NOT_REMEMBERED: Readonly<Record<CacheStrategy, number>> = {
  compact: 60_000,
  jwt: 300_000,
  jwe: 300_000,
};

/** Milliseconds for which a browser's copy of a session may be accepted after the session has ended. */
export function longestCopy({
  maxAge,
  strategy,
}: {
  readonly maxAge: number;
  readonly strategy: CacheStrategy;
}): number {
  return Math.max(maxAge, NOT_REMEMBERED[strategy]);
}
