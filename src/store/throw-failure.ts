/** @throws what ended the work before its time, where that is not null */
export function throwFailure(failure: unknown): void {
  if (failure === null) return;
  throw failure instanceof Error ? failure : new Error('the work ended before its time', { cause: failure });
}
