import { SessionctlError } from '../errors.ts';
import { unknown, type Check, type Finding, type Verdict } from './finding.ts';

/**
 * Carries checks out one after the other. One that fails by an error becomes a warning of its own and stops nobody.
 * @throws what the run was stopped by, where the signal came
 */
export async function* carryOutChecks(
  checks: AsyncIterable<Check> | Iterable<Check>,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  for await (const { id, explanation, carryOut } of checks) {
    signal.throwIfAborted();
    const { status, result, remedy = null, inconclusive = false } = await verdictOf(carryOut, signal);
    yield { id, status, result, explanation, remedy, inconclusive };
  }
}

async function verdictOf(carryOut: Check['carryOut'], signal: AbortSignal): Promise<Verdict> {
  try {
    return await carryOut();
  } catch (error) {
    if (signal.aborted) throw error;
    return unknown(`could not be examined: ${reasonOf(error)}`);
  }
}

/** What went wrong, with the way out where there is one. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof SessionctlError)) return error instanceof Error ? error.message : String(error);
  return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
}
