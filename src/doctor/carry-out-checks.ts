import { SessionctlError } from '../errors.ts';
import { unknown, type Check, type Finding, type Verdict } from './finding.ts';

/**
 * Runs checks one after the other. A check that throws becomes a warning and does not stop the others.
 * @throws the reason of the signal, if it stopped the run
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
    return unknown(`could not be checked: ${reasonOf(error)}`);
  }
}

/** The error message, with its hint if it has one. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof SessionctlError)) return error instanceof Error ? error.message : String(error);
  return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
}
