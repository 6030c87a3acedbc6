import { SchemaError } from '../../errors.ts';
import type { Target } from '../../sessions/session-store.ts';
import type { TimeColumn } from './shape.ts';

/** What to say of a session whose row holds a time that the recognised encoding cannot mean. */
export function unreadableTime(
  target: Target,
  id: string,
  column: TimeColumn,
  value: unknown,
  cause?: unknown,
): SchemaError {
  return new SchemaError(
    `session ${id} in ${target.database} holds a time that cannot be read: ${column.name} is ${JSON.stringify(value)}, where ${column.encoding.label} is in use`,
    {
      hint: `Nothing is guessed here. Leave that session out with --except-session ${id}, or mend its row.`,
      cause,
    },
  );
}
