/** The size of the next batch: as many rows as keep a batch near its target time. */
export interface BatchSize {
  /** Rows to read, ended or not. */
  rows(): number;
  /**
   * @param milliseconds that the last batch took
   * @param ended how many of its rows it ended
   */
  took(milliseconds: number, ended: number): void;
  /** Called after a batch that gave way to a lock or took too long. */
  halve(): void;
}

/** The share of rows that a batch must end to show what ending a row costs. */
const DENSE = 0.25;

export function batchSize(bounds: {
  /** Target time of a batch, in milliseconds. */
  readonly target: number;
  readonly first: number;
  readonly least: number;
  readonly most: number;
  /** Assumed cost of ending a row, in milliseconds, until a batch has shown it: ending writes far more than reading. */
  readonly guessedCost: number;
}): BatchSize {
  let rows = bounds.first;
  let cost = bounds.guessedCost;
  // A range with nothing to end may be followed by one where every row ends. No batch may be too large for that.
  const scale = (factor: number) => {
    const most = Math.min(bounds.most, bounds.target / cost);
    // Grow slowly and shrink at once: a single fast batch proves little.
    rows = Math.round(Math.max(bounds.least, Math.min(most, rows * Math.min(factor, 2))));
  };
  return {
    rows: () => rows,
    took: (milliseconds, ended) => {
      if (ended > 0 && ended >= rows * DENSE) cost = milliseconds / ended;
      scale(bounds.target / Math.max(milliseconds, 1));
    },
    halve: () => {
      scale(0.5);
    },
  };
}
