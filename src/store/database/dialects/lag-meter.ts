import type { Knex } from 'knex';
import { ConnectionError } from '../../../errors.ts';

/** A server that can report its replication lag. */
export interface AskedServer {
  /** Without credentials. */
  readonly place: string;
  /** Runs work with errors explained, and retried where they may pass. Aborted by the run's signal. */
  readonly ask: <Result>(work: (knex: Knex) => Promise<Result>) => Promise<Result>;
}

/**
 * Measures once.
 * @returns how far the slowest replica is behind, in milliseconds; null where there is no replica
 */
export type LagMeter = () => Promise<number | null>;

/**
 * A replica that has lost its primary and is looking for it, for example while that restarts. It may reconnect by
 * itself.
 */
export class LostPrimaryError extends ConnectionError {}
