/** @throws the error that stopped the work early, if it is not null */
export function throwFailure(failure: unknown): void {
  if (failure === null) return;
  throw failure instanceof Error ? failure : new Error('the work stopped early', { cause: failure });
}
