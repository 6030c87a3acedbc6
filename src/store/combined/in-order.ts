/**
 * The results of pieces of work, in the order in which they began.
 * @param begun begins the next piece when asked for it
 * @param ahead how many more pieces run while one is awaited
 */
export async function* inOrder<Result>(
  begun: Iterable<Promise<Result>>,
  ahead: number,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for (const work of begun) {
    underWay.push(work);
    const first = underWay.length > ahead ? underWay.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const work of underWay) yield await work;
}
