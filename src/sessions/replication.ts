/** What is known of the replicas of the database that is worked on. */
export interface Replication {
  /**
   * Milliseconds that the replica furthest behind is behind; null where there is no replica. Not while a query runs.
   * @throws ConnectionError where it cannot be known of all of them
   * @throws an error that means nothing by itself where the run's signal comes first
   */
  lag(): Promise<number | null>;
  close(): Promise<void>;
}

/** A store that may have replicas. */
export interface ReplicatedStore {
  /**
   * Prepares to measure how far replicas are behind, and measures once: what is in the way is told here.
   * @throws UsageError on SQLite; ConfigError on MySQL and MariaDB where the configuration names no replicas
   * @throws ConnectionError where it cannot be known, be it for a right that is missing
   */
  openReplication(): Promise<Replication>;
}
