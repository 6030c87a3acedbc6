/** A trigger, rule or foreign key that affects ending sessions. */
export interface Obstacle {
  /**
   * `keeps`: rows may stay without an error. `may refuse`: it depends on the rows. `runs`: the operator's own code runs
   * too.
   */
  readonly effect: 'keeps' | 'may refuse' | 'runs';
  /** A sentence that names it, without a full stop. */
  readonly text: string;
}
