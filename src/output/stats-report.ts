import { millisecondsOf, toInstant, type Instant } from '../sessions/instant.ts';
import type { Target } from '../sessions/reading-store.ts';
import type { Figures, Frequencies, Frequency, Quarter } from '../sessions/statistics.ts';
import { deviceOf } from './device.ts';

/** What `stats --json` prints: the fields of the documentation, in this order. */
export interface StatsReport {
  readonly command: 'stats';
  readonly target: Target;
  readonly now: Instant;
  /** The selecting options as they would be typed. */
  readonly selection: string;
  readonly state: 'active' | 'expired' | 'all';
  readonly totals: { readonly sessions: number; readonly active: number; readonly expired: number };
  readonly sessions: number;
  /** Keys in Redis that look like sessions, cannot be read and are not counted; null where there is no Redis. */
  readonly unreadable: number | null;
  readonly users: number;
  /** Null without users. */
  readonly sessionsPerUser: number | null;
  readonly impersonations: Figures['impersonations'];
  /** Expired sessions that `sweep` would delete; null where rows are kept as records. */
  readonly backlog: number | null;
  readonly signIns: {
    /** Days in UTC with sign-ins, oldest first. */
    readonly byDay: readonly { readonly day: string; readonly sessions: number }[];
    /** By the hour of the day in UTC. */
    readonly byHour: readonly number[];
    /** Without a time that can be read. */
    readonly undated: number;
  };
  readonly expiry: {
    readonly within: {
      readonly '1h': number;
      readonly '1d': number;
      readonly '7d': number;
      readonly '30d': number;
    };
    readonly later: number;
    /** Days in UTC on which sessions expire, from now on. */
    readonly byDay: readonly { readonly day: string; readonly sessions: number }[];
  };
  readonly holders: readonly {
    readonly userId: string;
    readonly userEmail: string | null;
    readonly sessions: number;
  }[];
  /** Null where no column holds user agents. */
  readonly devices: readonly { readonly device: string; readonly sessions: number }[] | null;
  readonly systems: readonly { readonly system: string; readonly sessions: number }[] | null;
  readonly userAgents: {
    readonly distinct: number;
    readonly absent: number;
    /** Sessions whose agents are too rare to be parsed. */
    readonly unread: number;
  } | null;
  /** Null where no column holds addresses. */
  readonly addresses: {
    readonly distinct: number;
    readonly absent: number;
    readonly top: readonly { readonly ipAddress: string; readonly sessions: number }[];
  } | null;
  readonly networks: {
    readonly distinct: number;
    readonly top: readonly { readonly network: string; readonly sessions: number }[];
  } | null;
}

interface StatsContext {
  readonly target: Target;
  readonly now: Instant;
  readonly selection: string;
  readonly state: StatsReport['state'];
  /** Rows are kept as records. */
  readonly preserve: boolean;
  readonly unreadable: number | null;
  /** E-mail addresses by the ids of users, as far as they are known. */
  readonly emails: ReadonlyMap<string, string>;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Turns the counts of a store into the report. */
export function statsReport(figures: Figures, context: StatsContext): StatsReport {
  const { totals, sessions, users, created, expires, userAgents, addresses, networks } = figures;
  const { target, now, selection, state, preserve, emails } = context;
  const devices =
    userAgents === null ? null : readings(userAgents.top, (agent) => deviceOf(agent) ?? 'unknown');
  const present = millisecondsOf(now);
  const within = (milliseconds: number) =>
    sumOf(expires.filter(({ from }) => millisecondsOf(from) < present + milliseconds));
  const byHour = Array.from({ length: 24 }, () => 0);
  for (const { from, sessions: some } of created) {
    const hour = Number(from.slice(11, 13));
    byHour[hour] = (byHour[hour] ?? 0) + some;
  }
  return {
    command: 'stats',
    target,
    now,
    selection,
    state,
    totals: { sessions: totals.active + totals.expired, ...totals },
    sessions,
    unreadable: context.unreadable,
    users: users.distinct,
    sessionsPerUser: users.distinct === 0 ? null : Math.round((sessions / users.distinct) * 100) / 100,
    impersonations: figures.impersonations,
    backlog: preserve ? null : totals.expired,
    signIns: { byDay: daysOf(created), byHour, undated: Math.max(0, sessions - sumOf(created)) },
    expiry: {
      within: { '1h': within(HOUR), '1d': within(DAY), '7d': within(7 * DAY), '30d': within(30 * DAY) },
      later: sumOf(expires) - within(30 * DAY),
      byDay: daysOf(expires),
    },
    holders: users.top.map(({ value, sessions: some }) => ({
      userId: value,
      userEmail: emails.get(value) ?? null,
      sessions: some,
    })),
    devices: devices?.map(({ value, sessions: some }) => ({ device: value, sessions: some })) ?? null,
    systems:
      devices === null
        ? null
        : readings(devices, systemOf).map(({ value, sessions: some }) => ({ system: value, sessions: some })),
    userAgents: userAgents && {
      distinct: userAgents.distinct,
      absent: absent(sessions, userAgents),
      unread: Math.max(0, userAgents.sessions - sumOf(userAgents.top)),
    },
    addresses: addresses && {
      distinct: addresses.distinct,
      absent: absent(sessions, addresses),
      top: addresses.top.map(({ value, sessions: some }) => ({ ipAddress: value, sessions: some })),
    },
    networks: networks && {
      distinct: networks.distinct,
      top: networks.top.map(({ value, sessions: some }) => ({ network: value, sessions: some })),
    },
  };
}

/** Names in the report and their milliseconds. */
function daysOf(quarters: readonly Quarter[]): StatsReport['signIns']['byDay'] {
  const days = new Map<string, number>();
  for (const { from, sessions } of quarters) {
    const day = from.slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + sessions);
  }
  return [...days]
    .map(([day, sessions]) => ({ day, sessions }))
    .sort((one, other) => (one.day < other.day ? -1 : 1));
}

/** Values grouped by their reading, the most frequent first. */
function readings(values: readonly Frequency[], read: (value: string) => string): readonly Frequency[] {
  const found = new Map<string, number>();
  for (const { value, sessions } of values) {
    const reading = read(value);
    found.set(reading, (found.get(reading) ?? 0) + sessions);
  }
  return [...found]
    .map(([value, sessions]) => ({ value, sessions }))
    .sort((one, other) => other.sessions - one.sessions || (one.value < other.value ? -1 : 1));
}

/** The system of a device's reading: that of a browser, or that it is a program. */
function systemOf(device: string): string {
  const system = / on (.+)$/.exec(device)?.[1];
  if (system !== undefined) return system;
  if (device.endsWith('(bot)')) return 'bot';
  return device === 'unknown' ? 'unknown' : 'program';
}

function absent(sessions: number, values: Frequencies): number {
  return Math.max(0, sessions - values.sessions);
}

function sumOf(parts: readonly { readonly sessions: number }[]): number {
  return parts.reduce((sum, { sessions }) => sum + sessions, 0);
}

/**
 * The days up to one, each with its count, days without any included.
 * @param first days before this moment are left out
 */
export function lastDays(
  byDay: StatsReport['signIns']['byDay'],
  last: Instant,
  days: number,
  first: Instant | null = null,
): StatsReport['signIns']['byDay'] {
  const known = new Map(byDay.map(({ day, sessions }) => [day, sessions]));
  return Array.from({ length: days }, (_, at) => {
    const day = toInstant(millisecondsOf(last) - (days - 1 - at) * DAY).slice(0, 10);
    return { day, sessions: known.get(day) ?? 0 };
  }).filter(({ day }) => first === null || day >= first.slice(0, 10));
}
