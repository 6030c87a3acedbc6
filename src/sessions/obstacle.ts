/** Something in a database that ending sessions would meet. */
export interface Obstacle {
  /**
   * `keeps`: rows may stay although no error says so. `may refuse`: it
   * depends on the rows. `runs`: code of the operator's own that runs along.
   */
  readonly effect: 'keeps' | 'may refuse' | 'runs';
  /** A sentence that names it, without a full stop. */
  readonly text: string;
}
