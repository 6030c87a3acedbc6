/**
 * Does work as a process in this time zone would: what a `Date` becomes in a column without one is its wall clock.
 * One piece of work at a time: the zone is that of the whole process.
 */
export async function inZone<Result>(zone: string, work: () => Promise<Result>): Promise<Result> {
  const before = process.env['TZ'];
  process.env['TZ'] = zone;
  try {
    return await work();
  } finally {
    process.env['TZ'] = before;
  }
}
