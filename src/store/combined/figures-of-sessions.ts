import { millisecondsOf, toInstant, type Instant } from '../../sessions/instant.ts';
import { networkDigits, networkOf } from '../../sessions/network.ts';
import type { Selection } from '../../sessions/selection.ts';
import type { SessionStore } from '../../sessions/session-store.ts';
import { readStoredAddress } from '../../sessions/stored-address.ts';
import { AGENT_LENGTH, READ_AGENTS, TOP } from '../../sessions/statistics.ts';
import type { Figures, Frequencies, Quarter } from '../../sessions/statistics.ts';

const QUARTER = 15 * 60_000;

/** Counts the sessions of a store that can only list them, in one pass. */
export async function figuresOfSessions(
  store: Pick<SessionStore, 'list' | 'absent'>,
  selection: Selection,
): Promise<Figures> {
  const totals = { active: 0, expired: 0 };
  const sum = { sessions: 0, impersonated: 0, unreadableTimes: 0 };
  const users = createFrequencies();
  const administrators = new Set<string>();
  const agents = createFrequencies();
  const addresses = createFrequencies();
  const networks = createFrequencies();
  const created = new Map<number, number>();
  const expires = new Map<number, number>();
  for await (const chunk of store.list({ ...selection, state: 'all' }, { sort: null })) {
    for (const session of chunk) {
      totals[session.state] += 1;
      if (selection.state !== 'all' && selection.state !== session.state) continue;
      sum.sessions += 1;
      if (session.unreadableTimes !== undefined) sum.unreadableTimes += 1;
      const { userId, impersonatedBy, userAgent, ipAddress } = session;
      if (userId !== null) users.add(userId);
      if (impersonatedBy !== null) {
        sum.impersonated += 1;
        administrators.add(impersonatedBy);
      }
      if (userAgent !== null && userAgent !== '') agents.add(userAgent.slice(0, AGENT_LENGTH));
      if (ipAddress !== null && ipAddress !== '') {
        addresses.add(ipAddress);
        const { key } = readStoredAddress(ipAddress);
        if (key !== null) networks.add(networkOf(networkDigits(key)));
      }
      count(created, session.createdAt);
      if (session.state === 'active') count(expires, session.expiresAt);
    }
  }
  return {
    totals,
    sessions: sum.sessions,
    unreadableTimes: sum.unreadableTimes,
    users: users.top(TOP),
    impersonations: { sessions: sum.impersonated, administrators: administrators.size },
    created: quartersOf(created),
    expires: quartersOf(expires),
    userAgents: store.absent.includes('userAgent') ? null : agents.top(READ_AGENTS),
    addresses: store.absent.includes('ipAddress') ? null : addresses.top(TOP),
    networks: store.absent.includes('ipAddress') ? null : networks.top(TOP),
  };
}

function count(quarters: Map<number, number>, instant: Instant | null): void {
  if (instant === null) return;
  const quarter = Math.floor(millisecondsOf(instant) / QUARTER);
  quarters.set(quarter, (quarters.get(quarter) ?? 0) + 1);
}

function quartersOf(quarters: ReadonlyMap<number, number>): readonly Quarter[] {
  return [...quarters].map(([quarter, sessions]) => ({ from: toInstant(quarter * QUARTER), sessions }));
}

/** Counts how often each text occurs. */
function createFrequencies() {
  const counts = new Map<string, number>();
  let sessions = 0;
  return {
    add(value: string): void {
      sessions += 1;
      counts.set(value, (counts.get(value) ?? 0) + 1);
    },
    /** Equally frequent values are in the order of their characters. */
    top: (limit: number): Frequencies => ({
      distinct: counts.size,
      sessions,
      top: [...counts]
        .map(([value, times]) => ({ value, sessions: times }))
        .sort((one, other) => other.sessions - one.sessions || (one.value < other.value ? -1 : 1))
        .slice(0, limit),
    }),
  };
}
