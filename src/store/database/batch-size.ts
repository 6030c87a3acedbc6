/** How large the next batch is: as large as keeps a batch near the time that it may take. */
export interface BatchSize {
  /** Rows to read, whether they are ended or not. */
  rows(): number;
  /**
   * @param milliseconds that the last batch took
   * @param ended how many of its rows it ended
   */
  took(milliseconds: number, ended: number): void;
  /** After a batch that had to give way, or took too long to end. */
  halve(): void;
}

/** A batch that ended this share of its rows shows what ending one costs. */
const DENSE = 0.25;

export function batchSize(bounds: {
  /** Milliseconds that a batch is to take. */
  readonly target: number;
  readonly first: number;
  readonly least: number;
  readonly most: number;
  /** Milliseconds that ending a row is taken to cost before any batch has shown it: it writes far more than reading. */
  readonly guessedCost: number;
}): BatchSize {
  let rows = bounds.first;
  let cost = bounds.guessedCost;
  // Behind a stretch with nothing to end may lie one where everything is: no batch is larger than that would allow.
  const scale = (factor: number) => {
    const most = Math.min(bounds.most, bounds.target / cost);
    // One fast batch proves little, one slow batch is believed at once.
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
