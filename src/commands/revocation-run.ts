import type { RevocationPlan } from '../sessions/revocation-plan.ts';
import type { Instant } from '../sessions/instant.ts';
import type { Obstacle } from '../sessions/obstacle.ts';
import type { Selection } from '../sessions/selection.ts';
import type { Mismatch } from '../sessions/session-store.ts';
import type { Undeclared } from '../output/revocation-plan.ts';
import type { Included } from '../sessions/ways-back.ts';
import type { RevocationFlags } from './revocation-options.ts';

/** What a command wants ended. */
export interface RevocationRequest {
  readonly command: 'revoke' | 'revoke-all' | 'limit';
  readonly selection: Selection;
  /** The selection in words, for the plan. */
  readonly words: string;
  /** How networks are widened, for the plan. */
  readonly addressNotes: readonly string[];
  /** Why addresses may select too few or too many: said also where no plan is shown. */
  readonly addressDoubts: readonly string[];
  /** The same for the history, which names more: also what makes more or less of it than it selects. */
  readonly recorded: string;
  /** What was asked for and does not exist, in words fit to be shown. */
  readonly notFound: readonly string[];
  /** What to do about those. */
  readonly missingHint: string;
  /** Those of them that make the command fail. */
  readonly missed: readonly string[];
  /** The number has to be typed, however few they are. */
  readonly typeNumber: boolean;
  readonly maxAffected: number | null;
  readonly untilQuiet: boolean;
  /** What is ended beside the sessions. */
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
  /** Where the configuration and the stores disagree, found before anything was done. */
  readonly mismatch: Mismatch | null;
  /** What ending sessions may meet in the database. */
  readonly obstacles: readonly Obstacle[];
  readonly flags: RevocationFlags;
  /** Keys in Redis that look like sessions, may be meant and cannot be read. */
  readonly unreadable: number;
  /** What the profile does not say of the application. */
  readonly undeclared: readonly Undeclared[];
  /** Rows are kept as records. */
  readonly preserve: boolean;
  /** Milliseconds for which a browser's signed copy is believed; null where the configuration knows of none. */
  readonly cookieCache: number | null;
}
