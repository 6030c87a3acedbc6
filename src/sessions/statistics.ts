import type { Instant } from './instant.ts';
import type { Selection } from './selection.ts';

/** A value, and the number of sessions with it. */
export interface Frequency {
  readonly value: string;
  readonly sessions: number;
}

/** The most frequent values of a field of sessions. */
export interface Frequencies {
  /** How many different values there are. */
  readonly distinct: number;
  /** The number of sessions with any value, including values that are not in `top`. */
  readonly sessions: number;
  /** The most frequent ones, in that order. */
  readonly top: readonly Frequency[];
}

/** Sessions by the quarter hour of one of their times. Every zone changes at quarter hours. */
export interface Quarter {
  readonly from: Instant;
  readonly sessions: number;
}

/** The figures of a selection. */
export interface Figures {
  /** Of the selection in any state. */
  readonly totals: { readonly active: number; readonly expired: number };
  /** Of the selection itself, like all further figures. */
  readonly sessions: number;
  readonly users: Frequencies;
  /** Null where sessions do not record impersonation. */
  readonly impersonations: { readonly sessions: number; readonly administrators: number } | null;
  /** Sessions with an unreadable time. */
  readonly unreadableTimes: number;
  /** When they began; sessions without a readable time are left out. */
  readonly created: readonly Quarter[];
  /** When the active ones expire. */
  readonly expires: readonly Quarter[];
  /** The beginnings of user agents; null where no column holds them. */
  readonly userAgents: Frequencies | null;
  /** Null where no column holds them; the same for networks. */
  readonly addresses: Frequencies | null;
  /** `203.0.113.0/24`, `2001:db8:1::/48`. */
  readonly networks: Frequencies | null;
}

/** A store that can count by itself, in memory that does not grow with its sessions. */
export interface CountingStore {
  figures(selection: Selection): Promise<Figures>;
}

/** If there are more different user agents than this, they are not read one by one. */
export const READ_AGENTS = 2000;
/** User agents are compared by this many characters. */
export const AGENT_LENGTH = 512;
/** Largest holders, addresses and networks. */
export const TOP = 20;
