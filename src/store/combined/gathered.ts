/** Collects items, to process many at once. */
export interface Gathered<Value> {
  add(values: readonly Value[]): Promise<void>;
  /** Processes the remaining items. */
  finish(): Promise<void>;
}

export function gathered<Value>(
  atOnce: number,
  work: (values: readonly Value[]) => Promise<void>,
): Gathered<Value> {
  let waiting: Value[] = [];
  const finish = async () => {
    const some = waiting;
    waiting = [];
    if (some.length > 0) await work(some);
  };
  return {
    finish,
    async add(values) {
      waiting.push(...values);
      if (waiting.length >= atOnce) await finish();
    },
  };
}
