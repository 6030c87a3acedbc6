/**
 * After the run's signal a store did not answer in time. Work that it was asked to do may be done.
 */
export class UnansweredError extends Error {
  constructor() {
    super('the server did not answer in time');
    this.name = 'UnansweredError';
  }
}
