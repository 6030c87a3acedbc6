import { parseAddressRange, rangeHolds } from '../sessions/address.ts';
import type { SessionSample } from '../sessions/examination.ts';
import { longerText, readStoredIpv6, shorterText } from '../sessions/stored-ipv6.ts';
import { type Instant } from '../sessions/instant.ts';
import { readStoredAddress } from '../sessions/stored-address.ts';
import { amount } from './database-checks.ts';
import { ok, toml, warn, type Check, type Verdict } from './finding.ts';
import { FEW_SESSIONS, MISSING_SHARE, looked } from './session-subject.ts';
import type { SessionSubject } from './session-subject.ts';

/** Users behind one address, and their share of all users, from which a proxy is suspected. */
const MANY_USERS = 20;
const SUSPICIOUS_SHARE = 0.5;
/** Checks stored addresses. */
export function* addressChecks(subject: SessionSubject): Generator<Check> {
  yield {
    id: 'shared-address',
    explanation:
      'If many users come from one address, or no user has one, the application is behind a proxy and does not read the client’s address. Then sessions cannot be told apart by address, and all users share one rate limit.',
    carryOut: async () => judgeAddresses(await subject.sample(), subject.now),
  };
  yield {
    id: 'ipv6-subnet',
    explanation:
      'Better Auth stores only the beginning of an IPv6 address (advanced.ipAddress.ipv6Subnet). If ipv6_subnet has another length, --ip and --except-ip select the wrong sessions.',
    carryOut: async () => judgeIpv6Subnet(await subject.sample(), subject),
  };
}

function judgeAddresses({ sessions, ...rest }: SessionSample, now: Instant): Verdict {
  const live = sessions.filter(({ expiresAt }) => expiresAt !== null && expiresAt >= now);
  const without = live.filter(({ ipAddress }) => ipAddress === null || ipAddress.trim() === '');
  const remedy = {
    kind: 'typescript' as const,
    text: "// in betterAuth({ … }): the header in which the proxy passes the client's address on\nadvanced: { ipAddress: { ipAddressHeaders: ['x-forwarded-for'] } },",
  };
  if (live.length >= FEW_SESSIONS && without.length >= live.length * MISSING_SHARE)
    return warn(
      `${amount(without.length)} of ${amount(live.length)} active sessions have no address (${looked({ sessions, ...rest })})`,
      remedy,
    );
  const users = new Map<string, { readonly address: string; readonly ids: Set<string> }>();
  for (const { ipAddress, userId } of live) {
    const address = ipAddress?.trim() ?? '';
    if (address === '' || userId === null) continue;
    // One address may be stored as several texts: early releases stored its port.
    const key = readStoredAddress(address).key ?? address;
    const shared = users.get(key) ?? { address, ids: new Set() };
    users.set(key, { ...shared, ids: shared.ids.add(userId) });
  }
  const everybody = new Set(live.flatMap(({ userId }) => userId ?? [])).size;
  const [most] = [...users].sort(([, one], [, other]) => other.ids.size - one.ids.size);
  if (most === undefined) return ok(`no address is shared by many users (${looked({ sessions, ...rest })})`);
  const [key, { address, ids }] = most;
  const { size } = ids;
  if (size < MANY_USERS || size < everybody * SUSPICIOUS_SHARE)
    return ok(`no address is shared by many users (${looked({ sessions, ...rest })})`);
  const inner = isPrivate(key) ? ', an address of a private network' : '';
  return warn(
    `${amount(size)} of ${amount(everybody)} users come from ${address}${inner} (${looked({ sessions, ...rest })})`,
    remedy,
  );
}

function judgeIpv6Subnet(sample: SessionSample, { ipv6Subnet, target }: SessionSubject): Verdict {
  const stored = readStoredIpv6(
    sample.sessions.map(({ ipAddress }) => ipAddress),
    ipv6Subnet,
  );
  const { bits, longer } = stored;
  if (bits === null) return ok(`no IPv6 address is stored (${looked(sample)})`);
  if (longer === 0 && bits === ipv6Subnet)
    return ok(`IPv6 addresses are stored by their /${String(bits)} (${looked(sample)})`);
  return warn(
    `${longer > 0 ? longerText(stored, ipv6Subnet) : shorterText(stored, ipv6Subnet)} (${looked(sample)})`,
    toml(
      `# if this is the application's advanced.ipAddress.ipv6Subnet\n[profiles.${target.profile ?? 'production'}.ip]\nipv6_subnet = ${String(bits)}`,
    ),
  );
}

const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '100.64.0.0/10', 'fc00::/7'];

function isPrivate(key: string): boolean {
  return PRIVATE.map(parseAddressRange).some((range) => rangeHolds(range, key));
}
