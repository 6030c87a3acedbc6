import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { GlobalFlags } from '../../flags.ts';
import type { Context } from '../../context.ts';
import { CancelledError, IncompleteError, LockedError, SessionctlError, UsageError } from '../../errors.ts';
import { jsonLine } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';
import type { SchemaChange, SchemaStore } from '../../sessions/schema-store.ts';
import type { Target } from '../../sessions/reading-store.ts';
import { record } from '../revocation/revocation-history.ts';

export interface SchemaChangeFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function addSchemaChangeOptions(command: Command): Command {
  return command
    .optionsGroup('Behaviour')
    .option('--dry-run', 'print the SQL that would run; changes nothing')
    .optionsGroup('Guards')
    .option('--yes', 'do not ask');
}

/** A command that changes the schema: how it plans the change and how it makes it. */
export interface SchemaWork<Plan extends SchemaChange> {
  /** Such as `schema migrate`. */
  readonly command: string;
  plan(schema: SchemaStore): Plan | Promise<Plan>;
  /** What an operator who confirms it has to know. */
  cautions(plan: Plan): readonly string[];
  change(schema: SchemaStore, remark: (text: string) => Promise<void>): Promise<void>;
}

/**
 * Plans on a read-only connection, shows, asks, and changes the schema.
 * @throws UsageError where the operator cannot be asked and `--yes` was not given; CancelledError, ConnectionError,
 * IncompleteError
 */
export async function changeSchema<Plan extends SchemaChange>(
  context: Context,
  flags: SchemaChangeFlags & GlobalFlags,
  work: SchemaWork<Plan>,
): Promise<void> {
  const json = chooseFormat(flags, reportFormats) === 'json';
  const dryRun = flags.dryRun === true;
  if (!dryRun && flags.yes !== true && !context.mayPrompt) {
    throw new UsageError('this changes the schema and needs --yes when it cannot ask', {
      hint: 'Preview it with --dry-run.',
    });
  }
  const { plan, target } = await context.withSchema('read', async (schema) => ({
    plan: await work.plan(schema),
    target: schema.target,
  }));
  const isNeeded = plan.steps.length > 0;
  const cautions = isNeeded ? work.cautions(plan) : [];
  const { schemaScript, schemaStepsText } = await import('../../output/schema-text.ts');
  if (isNeeded && !dryRun) {
    const { terminal, styles } = context.stderr;
    if (flags.yes !== true || context.flags.quiet !== true)
      await context.show(schemaStepsText(target, plan.steps, terminal, styles));
    for (const caution of cautions) await context.warn(caution);
    if (flags.yes !== true) await ask(context);
    await recorded(context, target, work.command, plan, () =>
      context.withSchema('write', (schema) =>
        work.change(schema, (remark) => context.note(`note: ${remark}`)),
      ),
    );
  }
  if (json) {
    await context.print(jsonLine({ command: work.command, dryRun, target, ...plan }, 2));
  } else if (dryRun) {
    await context.print(schemaScript(plan.steps));
    for (const caution of cautions) await context.note(`note: ${caution}`);
  }
  if (!isNeeded) await context.note('There is nothing to do.');
  else await context.note(dryRun ? 'Dry run: nothing was changed.' : 'Done.');
}

/**
 * Records the change only in the operator's own history, since the table of the database is what is changed. It ends no
 * session, so a record that cannot be written is a warning.
 */
async function recorded(
  context: Context,
  target: Target,
  command: string,
  { steps }: SchemaChange,
  change: () => Promise<void>,
): Promise<void> {
  const place = { target, history: null };
  const selection = steps.map(({ title }) => title).join('; ');
  const run = { runId: randomUUID(), request: { command, recorded: selection, reason: null }, plan: null };
  const keep = async (what: Parameters<typeof record>[3]) => {
    try {
      await record(context, place, run, what);
    } catch (error) {
      if (!(error instanceof SessionctlError)) throw error;
      await context.warn(error.message);
    }
  };
  await keep({ event: 'started' });
  context.system.changing();
  try {
    await change();
  } catch (error) {
    const detail = error instanceof Error ? context.redactor.redact(error.message) : null;
    await keep({ event: 'finished', outcome: 'failed', detail });
    const saysItself = error instanceof IncompleteError || error instanceof LockedError;
    if (saysItself || !(error instanceof SessionctlError)) throw error;
    throw error.withContext(
      'what was created before that stays; `sessionctl schema status` shows it',
      error.hint ?? 'Run the same command again to continue.',
    );
  }
  await keep({ event: 'finished', outcome: 'complete' });
}

/** @throws CancelledError where the answer is no */
async function ask(context: Context): Promise<void> {
  const prompter = await context.prompter();
  if (!(await prompter.confirm('Change the schema?', false)))
    throw new CancelledError('cancelled, nothing was changed');
}
