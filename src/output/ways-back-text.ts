import { waysBack, type WayBack, type WaysBackCounts } from '../sessions/ways-back.ts';
import { counted, inNumber } from './counted.ts';

const NOUNS: Readonly<Record<WayBack, string>> = {
  'device-codes': 'approved device code',
  verifications: 'pending verification',
  'trusted-devices': 'trusted device',
  'oauth-tokens': 'OAuth token',
  'api-keys': 'API key',
};

/** `2 trusted devices`. */
function countedWays(kind: WayBack, number: number): string {
  return counted(number, NOUNS[kind]);
}

/** A sentence for each kind that lets these users in again, unless it is ended too. */
export function outlivingText(
  counts: WaysBackCounts,
  users: number,
  included: ReadonlySet<string>,
): readonly string[] {
  const owner = inNumber(users, 'this user', 'these users');
  return waysBack.flatMap((kind) => {
    const number = counts[kind];
    if (number === null || number === 0 || included.has(kind)) return [];
    if (number === 'unknown')
      return [
        `Whether ${owner} can come back through ${NOUNS[kind]}s is not known: sessionctl cannot read them here.`,
      ];
    const them = inNumber(number, 'it', 'them');
    return [
      `${effectOf(kind, number, owner)}: --include ${kind} ${kind === 'api-keys' ? 'disables' : 'ends'} ${them}.`,
    ];
  });
}

function effectOf(kind: WayBack, number: number, owner: string): string {
  const what = `${countedWays(kind, number)} of ${owner}`;
  switch (kind) {
    case 'device-codes':
      return `${what} can start a new session`;
    case 'verifications':
      return `${what} (such as a password reset or a sign-in link) ${inNumber(number, 'stays', 'stay')} valid`;
    case 'trusted-devices':
      return `${what} can skip the second factor`;
    case 'oauth-tokens':
      return `${what} bound to no session ${inNumber(number, 'stays', 'stay')} valid`;
    case 'api-keys':
      return `${what} ${inNumber(number, 'stays', 'stay')} valid`;
    default:
      return kind satisfies never;
  }
}

/** `2 trusted devices and 1 API key`, of those that are not zero; null where all are. */
export function listedWays(counts: Readonly<Record<WayBack, number | 'unknown' | null>>): string | null {
  const some = waysBack.flatMap((kind) => {
    const number = counts[kind];
    return typeof number === 'number' && number > 0 ? [countedWays(kind, number)] : [];
  });
  return listed(some);
}

/** `trusted devices and API keys`, of those that are unknown; null where all are known. */
export function unknownWays(counts: WaysBackCounts): string | null {
  return listed(waysBack.filter((kind) => counts[kind] === 'unknown').map((kind) => `${NOUNS[kind]}s`));
}

function listed(some: readonly string[]): string | null {
  const last = some.at(-1);
  if (last === undefined) return null;
  return some.length === 1 ? last : `${some.slice(0, -1).join(', ')} and ${last}`;
}
