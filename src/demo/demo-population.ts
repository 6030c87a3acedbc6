import {
  botAgent,
  deskAgents,
  formulaAgent,
  intruderAgents,
  personalAgents,
  scriptAgents,
  terminalAttackAgent,
} from './demo-agents.ts';
import { demoPerson } from './demo-people.ts';
import type { DemoRandom } from './demo-random.ts';

/** A row of the table `user`, with only the columns that differ. Times are milliseconds since 1970. */
export interface DemoUser {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: 'admin' | 'user';
  readonly banned: boolean;
  readonly createdAt: number;
  /** Home address and the device of most sign-ins. */
  readonly homeAddress: string;
  readonly userAgents: readonly [string, ...string[]];
  readonly worksInOffice: boolean;
}

/** A row of the table `session`. Times are milliseconds since 1970. */
export interface DemoSession {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly impersonatedBy: string | null;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Better Auth's defaults: seven days for a session, one without "remember me", one hour for an impersonation. */
const EXPIRES_IN = 7 * DAY;
const UNREMEMBERED = DAY;
const IMPERSONATION = HOUR;

/** The people and places that the demo's examples name. */
export const demoCast = {
  admin: { name: 'Ada Winter', email: 'ada@example.com' },
  /** Signs in from scripts and never signs out. */
  robot: { name: 'Build Robot', email: 'robot@example.com' },
  /** Many people behind one address. */
  officeAddress: '198.51.100.10',
  suspiciousNetwork: '203.0.113.192/28',
} as const;

/** @param now milliseconds since 1970; no event is later */
export function demoUsers(random: DemoRandom, count: number, now: number): readonly DemoUser[] {
  const taken = new Set<string>([demoCast.admin.email, demoCast.robot.email]);
  return Array.from({ length: count }, (_, number): DemoUser => {
    const known = [demoCast.admin, demoCast.robot][number];
    const { name, email } = known ?? demoPerson(random, taken);
    const age = known === undefined ? random.between(8 * DAY, 900 * DAY) : 900 * DAY;
    return {
      id: random.text(32),
      name,
      email,
      role: number === 0 ? 'admin' : 'user',
      banned: known === undefined && random.chance(0.02),
      createdAt: now - age,
      homeAddress: homeAddress(random),
      userAgents: agentsOf(random, number),
      worksInOffice: random.chance(0.3),
    };
  });
}

/** Sessions of every kind, oldest first, like in a table that grew. The rare kinds come before the others. */
export function demoSessions(
  random: DemoRandom,
  users: readonly DemoUser[],
  count: number,
  now: number,
): readonly DemoSession[] {
  const [admin, robot] = users;
  if (admin === undefined) return [];
  const people: readonly [DemoUser, ...DemoUser[]] = [robot ?? admin, ...users.slice(2)];
  const session = (user: DemoUser, times: DemoTimes, overrides: Partial<DemoSession> = {}): DemoSession => ({
    id: random.text(32),
    token: random.text(32),
    userId: user.id,
    ...times,
    ipAddress: user.worksInOffice && random.chance(0.5) ? demoCast.officeAddress : addressOf(random, user),
    userAgent: random.chance(0.8) ? user.userAgents[0] : random.pick(user.userAgents),
    impersonatedBy: null,
    ...overrides,
  });
  const active = (user: DemoUser, overrides?: Partial<DemoSession>) =>
    session(user, timesOf(user, now, random.between(0, 6 * DAY), random.between(0, 60 * DAY)), overrides);
  const expired = (user: DemoUser) =>
    session(user, timesOf(user, now, random.between(7 * DAY + HOUR, 400 * DAY), random.between(0, 30 * DAY)));
  const activeOrExpired = (user: DemoUser) => (random.chance(0.6) ? active(user) : expired(user));
  const recent = (user: DemoUser, age: number, overrides?: Partial<DemoSession>) =>
    session(user, timesOf(user, now, age, 0), overrides);
  const short = (user: DemoUser, length: number, age: number, overrides?: Partial<DemoSession>) => {
    const { createdAt } = timesOf(user, now, age, 0);
    return session(user, { createdAt, updatedAt: createdAt, expiresAt: createdAt + length }, overrides);
  };
  const byAdmin = { impersonatedBy: admin.id, userAgent: admin.userAgents[0], ipAddress: admin.homeAddress };

  const rareKinds: readonly ((user: DemoUser) => DemoSession)[] = [
    () => active(admin),
    (user) => recent(user, 20 * MINUTE, { userAgent: terminalAttackAgent, ipAddress: '203.0.113.196' }),
    (user) => recent(user, 50 * MINUTE, { userAgent: formulaAgent, ipAddress: '203.0.113.196' }),
    (user) => recent(user, 5 * HOUR, { userAgent: botAgent, ipAddress: '192.0.2.1' }),
    (user) => short(user, IMPERSONATION, 12 * MINUTE, byAdmin),
    (user) => recent(user, EXPIRES_IN - 3 * MINUTE),
    (user) => active(user, { ipAddress: '' }),
    (user) => active(user, { userAgent: '' }),
  ];
  const kinds: readonly [Kind, ...Kind[]] = [
    { share: 0.4, make: (user) => active(user) },
    { share: 0.34, make: expired },
    { share: 0.06, make: () => activeOrExpired(robot ?? admin) },
    { share: 0.02, make: () => activeOrExpired(admin) },
    { share: 0.05, make: (user) => short(user, UNREMEMBERED, random.between(0, 5 * DAY)) },
    { share: 0.04, make: (user) => recent(user, random.between(EXPIRES_IN - 6 * HOUR, EXPIRES_IN)) },
    {
      share: 0.03,
      make: (user) =>
        recent(user, random.between(0, 2 * DAY), {
          ipAddress: `203.0.113.${String(random.between(192, 208))}`,
          userAgent: random.pick(intruderAgents),
        }),
    },
    {
      share: 0.02,
      make: (user) =>
        short(user, IMPERSONATION, random.between(0, random.chance(0.03) ? HOUR : 60 * DAY), byAdmin),
    },
    { share: 0.02, make: (user) => active(user, { ipAddress: random.pick(['', null]) }) },
    { share: 0.02, make: (user) => active(user, { userAgent: random.pick(['', null]) }) },
  ];
  const sessions = Array.from({ length: count }, (_, at) => {
    const make = rareKinds[at] ?? kindFor(kinds, random).make;
    return make(random.pick(people));
  });
  return sessions.sort((a, b) => a.createdAt - b.createdAt);
}

/** The robot uses scripts, the administrator a desktop, everyone else one or two devices. */
function agentsOf(random: DemoRandom, number: number): readonly [string, ...string[]] {
  if (number === 0) return deskAgents;
  return number === 1 ? scriptAgents : [random.pick(personalAgents), random.pick(personalAgents)];
}

type DemoTimes = Pick<DemoSession, 'createdAt' | 'updatedAt' | 'expiresAt'>;

interface Kind {
  /** Share of all sessions; the shares add up to 1. */
  readonly share: number;
  readonly make: (user: DemoUser) => DemoSession;
}

function kindFor(kinds: readonly [Kind, ...Kind[]], random: DemoRandom): Kind {
  let chance = random.integer(1_000_000) / 1_000_000;
  return kinds.find(({ share }) => (chance -= share) < 0) ?? kinds[0];
}

/** A session last refreshed `idle` ago and created up to `kept` before that, but not before its user. */
function timesOf(user: DemoUser, now: number, idle: number, kept: number): DemoTimes {
  const updatedAt = Math.max(now - idle, user.createdAt);
  return {
    createdAt: Math.max(updatedAt - kept, user.createdAt),
    updatedAt,
    expiresAt: updatedAt + EXPIRES_IN,
  };
}

/** From the address ranges reserved for documentation. */
function homeAddress(random: DemoRandom): string {
  if (random.chance(0.35)) return ipv6(random);
  const network = random.pick(['192.0.2', '198.51.100', '203.0.113']);
  return `${network}.${String(random.between(20, 180))}`;
}

/** As Better Auth stores it: expanded, and masked to its /64. */
function ipv6(random: DemoRandom): string {
  return `2001:0db8:${random.hex(4)}:${random.hex(4)}:0000:0000:0000:0000`;
}

/** Usually home; sometimes a train, a café or a mobile network. */
function addressOf(random: DemoRandom, user: DemoUser): string {
  return random.chance(0.75) ? user.homeAddress : homeAddress(random);
}
