import type { Knex } from 'knex';
import { ConnectionError } from '../../../errors.ts';

/** A server that can be asked how its replication is. */
export interface AskedServer {
  /** Without credentials. */
  readonly place: string;
  /** Explains what goes wrong, and has patience where that may pass. Given up by the run's signal. */
  readonly ask: <Result>(work: (knex: Knex) => Promise<Result>) => Promise<Result>;
}

/**
 * Measures once.
 * @returns the milliseconds that the replica furthest behind is behind; null where there is no replica
 */
export type LagMeter = () => Promise<number | null>;

/** A replica that has lost its primary and looks for it, as while that restarts: it may find it again by itself. */
export class LostPrimaryError extends ConnectionError {}
