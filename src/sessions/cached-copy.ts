/** How Better Auth signs the copy of a session that a browser carries (`cookieCache.strategy`). */
export const cacheStrategies = ['compact', 'jwt', 'jwe'] as const;
export type CacheStrategy = (typeof cacheStrategies)[number];

/**
 * Milliseconds that a copy lives at least if a user signed in without "remember me", also with a shorter `maxAge` (better-auth
 * 1.7.25, `cookies/index`, setCookieCache).
 */
const NOT_REMEMBERED: Readonly<Record<CacheStrategy, number>> = {
  compact: 60_000,
  jwt: 300_000,
  jwe: 300_000,
};

/** Milliseconds that a browser's copy of a session may be believed after the session has ended. */
export function longestCopy({
  maxAge,
  strategy,
}: {
  readonly maxAge: number;
  readonly strategy: CacheStrategy;
}): number {
  return Math.max(maxAge, NOT_REMEMBERED[strategy]);
}
