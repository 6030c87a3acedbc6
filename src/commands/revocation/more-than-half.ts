import { GuardError } from '../../errors.ts';
import { grouped } from '../../grouped.ts';
import { counted } from '../../output/counted.ts';
import { CROWD } from '../../sessions/revocation-plan.ts';
import type { Run } from './revocation-run.ts';

/**
 * A message where a condition, such as a network that is too wide, selects more than half of all sessions, and no user
 * is named, no number given, and `--everyone` not set; otherwise null. `limit` leaves each user the newest session, and
 * may end most of them.
 */
export function moreThanHalf({ plan: { all, survey }, request }: Run): string | null {
  const isMeant = request.maxAffected !== null || request.typeNumber || request.selection.userIds.length > 0;
  if (request.command !== 'revoke-all' || isMeant || all === null) return null;
  if (all < CROWD || survey.sessions * 2 <= all) return null;
  return `${grouped(survey.sessions)} of all ${counted(all, 'session')} match, which is more than half`;
}

/** @param most the message of `moreThanHalf` */
export function refuseMost(most: string, sessions: number): GuardError {
  return new GuardError(`${most}; nothing was changed`, {
    hint: `Narrow the selection. If all of them are meant, give --max-affected ${String(sessions)}, or --everyone instead of the selection.`,
  });
}
