import { comparesOnly, type Selection } from './selection.ts';

/** What lets a user in again after their sessions have ended, in the order in which it is ended. */
export const waysBack = [
  'device-codes',
  'verifications',
  'trusted-devices',
  'oauth-tokens',
  'api-keys',
] as const;

export type WayBack = (typeof waysBack)[number];

/** The values of `--include`. Refresh tokens with `offline_access` are bound to a session and stay valid after it. */
export const includable = ['offline-tokens', ...waysBack] as const;

export type Included = (typeof includable)[number];

/**
 * Whether refresh tokens with `offline_access` end with their session: because they were asked for, or because all
 * tokens without a session were, which they become once it has ended.
 */
export function includesOffline(included: ReadonlySet<Included>): boolean {
  return included.has('offline-tokens') || included.has('oauth-tokens');
}

/** How many of each kind: null where the deployment has no table for it, `unknown` where the table is unreadable. */
export type WaysBackCounts = Readonly<Record<WayBack, number | 'unknown' | null>>;

/** A number of each kind. */
export type WaysBackNumbers = Readonly<Record<WayBack, number>>;

export const noWaysBack: WaysBackNumbers = {
  'device-codes': 0,
  verifications: 0,
  'trusted-devices': 0,
  'oauth-tokens': 0,
  'api-keys': 0,
};

/** The sum of all known counts. */
export function sumOf(counts: WaysBackCounts): number {
  return waysBack.reduce((sum, kind) => sum + (typeof counts[kind] === 'number' ? counts[kind] : 0), 0);
}

/** The kinds with at least one. */
export function kindsOf(counts: WaysBackCounts): readonly WayBack[] {
  return waysBack.filter((kind) => typeof counts[kind] === 'number' && counts[kind] > 0);
}

/** Counts every kind separately. */
export async function countEach(
  count: (kind: WayBack) => Promise<number | 'unknown' | null>,
): Promise<WaysBackCounts> {
  const counts: [WayBack, number | 'unknown' | null][] = [];
  for (const kind of waysBack) counts.push([kind, await count(kind)]);
  return Object.fromEntries(counts) as WaysBackCounts;
}

/** An unknown or absent count stays so. */
export function addedUp(one: WaysBackCounts, other: WaysBackCounts): WaysBackCounts {
  const sums = waysBack.map((kind) => {
    const [first, second] = [one[kind], other[kind]];
    return [kind, typeof first === 'number' && typeof second === 'number' ? first + second : first];
  });
  return Object.fromEntries(sums) as WaysBackCounts;
}

const NAMING = new Set(['userIds', 'state'] as const);

/** The users that a selection names, if it has no other condition: they are meant even without a session. */
export function usersNamedBy(selection: Selection): readonly string[] {
  return comparesOnly(selection, NAMING) && selection.state !== 'expired' ? selection.userIds : [];
}

/** The counts without the kinds that are not ended. */
export function onlyIncluded(counts: WaysBackCounts, included: ReadonlySet<Included>): WaysBackCounts {
  const some = waysBack.map((kind) => [kind, included.has(kind) ? counts[kind] : null]);
  return Object.fromEntries(some) as WaysBackCounts;
}

/** What lets users in again after their sessions have ended. */
export interface WaysBackStore {
  count(userIds: readonly string[]): Promise<WaysBackCounts>;
  /**
   * Ends all of these kinds that the users have: API keys are disabled, anything else is deleted. A repeated call ends
   * what was added meanwhile.
   * @yields how many of a kind have ended
   * @throws ConnectionError
   */
  end(kinds: readonly WayBack[], userIds: readonly string[]): AsyncGenerator<readonly [WayBack, number]>;
  /**
   * Tries that on no row.
   * @throws ConnectionError naming the right that the account lacks
   */
  rehearse(kinds: ReadonlySet<string>): Promise<void>;
}
