import type { RevocationPlan } from '../../sessions/revocation-plan.ts';
import type { Instant } from '../../sessions/instant.ts';
import type { Obstacle } from '../../sessions/obstacle.ts';
import type { Selection } from '../../sessions/selection.ts';
import type { Mismatch } from '../../sessions/reading-store.ts';
import type { Undeclared } from '../../output/revocation-plan.ts';
import type { Included } from '../../sessions/ways-back.ts';
import type { RevocationFlags } from './revocation-options.ts';

/** What a command asks to end. */
export interface RevocationRequest {
  readonly command: 'revoke' | 'revoke-all' | 'limit';
  readonly selection: Selection;
  /** The selection in words, for the plan. */
  readonly words: string;
  /** How networks are widened, for the plan. */
  readonly addressNotes: readonly string[];
  /** Reasons why addresses may select too few or too many sessions; shown also where no plan is. */
  readonly addressDoubts: readonly string[];
  /** The selection in words for the history, which has more detail: also the options that bound or extend the run. */
  readonly recorded: string;
  /** What was asked for and does not exist, safe to show. */
  readonly notFound: readonly string[];
  /** What to do about those. */
  readonly missingHint: string;
  /** Those of them that make the command fail. */
  readonly missed: readonly string[];
  /** The operator types the number, even for a few sessions. */
  readonly typeNumber: boolean;
  readonly maxAffected: number | null;
  readonly untilQuiet: boolean;
  /** What is ended besides the sessions. */
  readonly included: ReadonlySet<Included>;
  readonly reason: string | null;
  readonly json: boolean;
}

/** One run of such a command, once its plan is known. */
export interface Run {
  readonly runId: string;
  readonly request: RevocationRequest;
  readonly plan: RevocationPlan;
  readonly startedAt: Instant;
  /** Where the configuration and the stores disagree, found before anything is done. */
  readonly mismatch: Mismatch | null;
  /** Obstacles to ending sessions in the database. */
  readonly obstacles: readonly Obstacle[];
  readonly flags: RevocationFlags;
  /** Keys in Redis that look like sessions and cannot be read; the selection may mean them. */
  readonly unreadable: number;
  /** What the profile does not say about the application. */
  readonly undeclared: readonly Undeclared[];
  /** Rows are kept as records. */
  readonly preserve: boolean;
  /** Milliseconds for which browsers may use a cached copy; null where the configuration has no cookie cache. */
  readonly cookieCache: number | null;
}
