/** The state of the replicas of the database. */
export interface Replication {
  /**
   * How far the slowest replica is behind, in milliseconds; null where there is no replica. Do not call it while a
   * query runs.
   * @throws ConnectionError where it is unknown for one of them
   * @throws an error without meaning if the run's signal comes first
   */
  lag(): Promise<number | null>;
  close(): Promise<void>;
}

/** A store that may have replicas. */
export interface ReplicatedStore {
  /**
   * Prepares to measure how far replicas are behind, and measures once, so that problems are reported here.
   * @throws UsageError on SQLite; ConfigError on MySQL and MariaDB where the configuration names no replicas
   * @throws ConnectionError where it is unknown, for example for a missing right
   */
  openReplication(): Promise<Replication>;
}
