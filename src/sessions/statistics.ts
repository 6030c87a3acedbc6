import type { Instant } from './instant.ts';
import type { Selection } from './selection.ts';

/** A value, and on how many sessions it stands. */
export interface Frequency {
  readonly value: string;
  readonly sessions: number;
}

/** The most frequent values of something that sessions have. */
export interface Frequencies {
  /** How many different values there are. */
  readonly distinct: number;
  /** On how many sessions any value stands, those that are not among `top` included. */
  readonly sessions: number;
  /** The most frequent ones, in that order. */
  readonly top: readonly Frequency[];
}

/** Sessions by the quarter of an hour that a moment of theirs lies in. Every zone changes at quarters. */
export interface Quarter {
  readonly from: Instant;
  readonly sessions: number;
}

/** What is counted of a selection. */
export interface Figures {
  /** Of the selection whatever the state. */
  readonly totals: { readonly active: number; readonly expired: number };
  /** Of the selection itself, as is everything that follows. */
  readonly sessions: number;
  readonly users: Frequencies;
  /** Null where sessions do not say who opened them. */
  readonly impersonations: { readonly sessions: number; readonly administrators: number } | null;
  /** Sessions with a time that cannot be read. */
  readonly unreadableTimes: number;
  /** When they began; sessions without a moment that can be read are left out. */
  readonly created: readonly Quarter[];
  /** When those that are active expire. */
  readonly expires: readonly Quarter[];
  /** The beginnings of user agents; null where no column holds them. */
  readonly userAgents: Frequencies | null;
  /** Null where no column holds them, as the networks. */
  readonly addresses: Frequencies | null;
  /** `203.0.113.0/24`, `2001:db8:1::/48`. */
  readonly networks: Frequencies | null;
}

/** A store that counts for itself, at a memory that does not grow with its sessions. */
export interface CountingStore {
  figures(selection: Selection): Promise<Figures>;
}

/** More different user agents than these are not read one by one. */
export const READ_AGENTS = 2000;
/** Characters of a user agent that are told apart. */
export const AGENT_LENGTH = 512;
/** Largest holders, addresses and networks. */
export const TOP = 20;
