/**
 * What each piece of work came to, in the order in which they are begun.
 * @param begun begins a piece when it is asked for the next
 * @param ahead so many more are under way while one is waited for
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
