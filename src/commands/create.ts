import { idArguments } from '../shell-word.ts';
import { randomUUID } from 'node:crypto';
import { defineCommand, once } from '../command.ts';
import type { AuthSettings, Settings } from '../config/settings.ts';
import type { Context } from '../context.ts';
import {
  CancelledError,
  ConfigError,
  FailedError,
  SchemaError,
  SessionctlError,
  UsageError,
} from '../errors.ts';
import type { CreatedSession, PlannedSession } from '../output/created-text.ts';
import { nameWithId } from '../output/user-of.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { cookieNames } from '../sessions/cookie-names.ts';
import { tokenFingerprint } from '../sessions/cookie-signature.ts';
import { generateToken, type SessionCreation } from '../sessions/creation.ts';
import { formatDuration, parseDuration } from '../sessions/duration.ts';
import { millisecondsOf, toInstant, wholeSecond } from '../sessions/instant.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';
import { resolveSelection } from '../sessions/resolve-selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { sessionCookies } from '../sessions/session-cookies.ts';
import type { User } from '../sessions/session.ts';
import { storedVerdict, type Standings } from '../sessions/standing.ts';
import type { RecordedStore } from '../history/shared-history.ts';
import { version } from '../version.ts';
import { refuseCredentials } from './revocation/carry-out.ts';
import { record, recordIfPossible, recordStart, type Recorded } from './revocation/revocation-history.ts';
import { parseReason } from './revocation/revocation-options.ts';

interface CreateFlags {
  readonly user?: string;
  readonly expiresIn?: string;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

interface CreatingStore extends RecordedStore {
  readonly creation: SessionCreation;
  readonly standings: Standings;
}

const DEFAULT_LENGTH = '1h';
/** Browsers keep no cookie longer than this, and better-call makes none. */
const LONGEST = parseDuration('400d');

export const create = defineCommand<CreateFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  examples: [
    [
      'sessionctl create --user ada@example.com --reason "TICKET-7: see what she sees"',
      'Create a session for an hour, after a prompt',
    ],
    [
      'sessionctl create --user ada@example.com --expires-in 10m --reason smoke-test --yes --json | jq -r .cookie',
      'Print only the value of a Cookie header, for a script',
    ],
    [
      'sessionctl create --user ada@example.com --reason test --dry-run',
      'Preview the session; changes nothing',
    ],
  ],
  configure: (command) =>
    command
      .optionsGroup('New session')
      .option('--user <id or email>', 'user of the session', once('--user'))
      .option(
        '--expires-in <duration>',
        `lifetime of the session: 90s, 15m, 2h, 7d (default: ${DEFAULT_LENGTH})`,
        once('--expires-in'),
      )
      .option('--reason <text>', 'reason, for the history', once('--reason'))
      .option('--dry-run', 'show the plan and change nothing')
      .optionsGroup('Guards')
      .option('--yes', 'do not ask'),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    const { user: who, yes, dryRun } = flags;
    const length = parseLength(flags.expiresIn ?? DEFAULT_LENGTH);
    const reason = parseReason(flags.reason);
    if (who === undefined) throw new UsageError('no user given', { hint: 'Give --user <id or email>.' });
    if (reason === null)
      throw new UsageError('no reason given', {
        hint: 'Give --reason <text>; the history keeps it.',
      });
    if (yes !== true && dryRun !== true && !context.mayPrompt) {
      throw new UsageError('this creates a session and needs --yes when it cannot ask', {
        hint: 'Preview it with --dry-run.',
      });
    }
    const settings = await context.settings();
    rejectBeyondSignIn(length, settings.session.expiresIn);
    const { secret, names } = signing(settings.auth);
    await context.withStore(dryRun === true ? 'read' : 'write', async (store) => {
      await refuseCredentials({ reason, words: who }, store, context.redactor);
      const user = await userNamed(who, store);
      const planned: PlannedSession = {
        target: store.target,
        user,
        length,
        refreshes: length === settings.session.expiresIn,
        places: placesOf(settings),
        cookieName: names.sessionToken,
        reason,
      };
      const run: Recorded = {
        runId: randomUUID(),
        request: {
          command: 'create',
          recorded: `--user ${user.id} --expires-in ${formatDuration(length)}`,
          reason,
        },
        plan: null,
      };
      await store.creation.check();
      const { cookieLines, createdJson, plannedSessionText } = await import('../output/created-text.ts');
      if (dryRun === true) {
        await context.print(
          json
            ? createdJson(planned, { runId: run.runId, dryRun: true }, null)
            : plannedSessionText(planned, context.stdout.terminal, context.stdout.styles),
        );
        await context.note('Dry run: nothing was changed.');
        return;
      }
      await rehearse(context, store, run);
      if (yes !== true) {
        await context.show(plannedSessionText(planned, context.stderr.terminal, context.stderr.styles));
        await ask(context, store, run);
      }
      await recordStart(context, store, run);
      const token = generateToken();
      context.redactor.protect(token);
      const cookies = await sessionCookies(token, {
        names,
        secret,
        maxAge: length,
        refreshes: planned.refreshes,
      });
      const created = await make(context, store, run, { token, user, length, cookies });
      try {
        await context.print(
          json ? createdJson(planned, { runId: run.runId, dryRun: false }, created) : cookieLines(cookies),
        );
      } catch (error) {
        const reason = error instanceof SessionctlError ? error.message : 'nothing reads the output';
        const failed = await takenBack(
          store,
          token,
          created.id,
          new FailedError(`the cookie could not be printed: ${reason}`),
        );
        await finish(context, store, run, { outcome: 'failed', detail: failed.message });
        throw failed;
      }
      await finish(context, store, run, { outcome: 'complete', detail: `session ${created.id}` });
      await context.note(
        `Session ${created.id} of ${nameWithId(user)} lasts until ${created.expiresAt}; \`sessionctl revoke ${idArguments([created.id])}\` ends it. The cookie is not shown again.`,
      );
      if (!planned.refreshes) {
        await context.note(
          `Send both cookies: without ${names.dontRemember} Better Auth extends the session to ${formatDuration(settings.session.expiresIn)} at its first request.`,
        );
      }
    });
    return 0;
  },
});

function parseLength(text: string): number {
  let length;
  try {
    length = parseDuration(text);
  } catch (error) {
    if (error instanceof InvalidValueError)
      throw new InvalidValueError(`--expires-in: ${error.message}`, error.hint);
    throw error;
  }
  if (length === 0) throw new InvalidValueError('--expires-in must be more than 0');
  if (length > LONGEST)
    throw new InvalidValueError(
      `--expires-in is longer than ${formatDuration(LONGEST)}, the longest that browsers keep a cookie`,
    );
  return length;
}

/**
 * No sign-in lasts longer, and the session would not end on time: from `expiresAt - expiresIn + updateAge` on Better
 * Auth refreshes it (`getSession` in its source), as often as it is used.
 * @throws UsageError where it would outlast every sign-in
 */
function rejectBeyondSignIn(length: number, expiresIn: number): void {
  if (length <= expiresIn) return;
  const [given, most] = [formatDuration(length), formatDuration(expiresIn)];
  throw new UsageError(`--expires-in ${given} is longer than a sign-in lasts: expires_in is ${most}`, {
    hint: `Give ${most} at most. Where session.expiresIn of the application is longer, set expires_in in [profiles.<name>.session] to it.`,
  });
}

/** @throws ConfigError where the secret or the cookie names of the application are not known */
function signing({ secret, baseUrl, cookiePrefix }: AuthSettings) {
  const missing = [...(secret === null ? ['secret'] : []), ...(baseUrl === null ? ['base_url'] : [])];
  if (secret === null || baseUrl === null) {
    throw new ConfigError(`a cookie cannot be made without ${missing.join(' and ')} of the application`, {
      hint: `Set ${missing.map((key) => (key === 'secret' ? 'secret = "${BETTER_AUTH_SECRET}"' : 'base_url = "https://…"')).join(' and ')} in [profiles.<name>.auth]. Nothing was changed.`,
    });
  }
  return { secret, names: cookieNames(baseUrl, cookiePrefix) };
}

/** @throws NotFoundError, InvalidValueError, FailedError where a sign-in would be refused */
async function userNamed(who: string, store: CreatingStore): Promise<User> {
  // The selection has no address, so any prefix length works.
  const { userIds } = await resolveSelection(parseSelection({ user: [who] }, 'all'), store, 128);
  const [id = ''] = userIds;
  const user = (await store.findUsers(id)).find((found) => found.id === id);
  const standing = await store.creation.userStanding(id);
  if (standing === null) {
    throw new SchemaError(
      `${store.target.database} has no user table, and without it Better Auth accepts no session`,
      {
        hint: 'If it has another name, set user_table in [profiles.<name>.schema].',
      },
    );
  }
  if (user === undefined || !standing.exists)
    throw new FailedError(`the user ${JSON.stringify(id)} does not exist any more`, {
      hint: 'Only their sessions are left; `sessionctl list --user` shows them.',
    });
  if (standing.banned) {
    const until = standing.banExpires === null ? '' : ` until ${standing.banExpires}`;
    throw new FailedError(
      `the user ${JSON.stringify(id)} is banned${until}, and Better Auth would refuse the sign-in`,
      {
        hint: 'Nothing was changed. Lift the ban in the application first.',
      },
    );
  }
  return user;
}

function placesOf({ redis, session }: Settings): PlannedSession['places'] {
  if (redis === null) return 'database';
  return session.storeInDatabase ? 'both' : 'secondary';
}

async function rehearse(context: Context, store: CreatingStore, run: Recorded): Promise<void> {
  try {
    await store.creation.rehearse();
  } catch (error) {
    if (error instanceof SessionctlError)
      await recordIfPossible(context, store, run, {
        event: 'refused',
        detail: context.redactor.redact(error.message),
      });
    throw error;
  }
}

/** @throws CancelledError where the answer is no */
async function ask(context: Context, store: CreatingStore, run: Recorded): Promise<void> {
  const prompter = await context.prompter();
  try {
    if (!(await prompter.confirm('Create this session?', false)))
      throw new CancelledError('cancelled, nothing was changed');
  } catch (error) {
    if (error instanceof CancelledError) await recordIfPossible(context, store, run, { event: 'cancelled' });
    throw error;
  }
}

/**
 * Creates the session and checks that Better Auth would accept it.
 * @throws ConnectionError, FailedError, which say whether the session exists
 */
async function make(
  context: Context,
  store: CreatingStore,
  run: Recorded,
  {
    token,
    user,
    length,
    cookies,
  }: {
    readonly token: string;
    readonly user: User;
    readonly length: number;
    readonly cookies: CreatedSession['cookies'];
  },
): Promise<CreatedSession> {
  context.system.changing();
  try {
    const createdAt = await store.readClock();
    const expiresAt = wholeSecond(toInstant(millisecondsOf(createdAt) + length));
    const session = { userId: user.id, token, createdAt, expiresAt, userAgent: `sessionctl/${version}` };
    const id = await store.creation.create(session);
    try {
      const { reason } = storedVerdict(await store.standings.byToken(token), createdAt);
      if (reason !== 'live')
        throw new FailedError(`the created session is not valid (${reason})`, {
          hint: 'Something in the database or in Redis changes what is written there. `sessionctl verify` shows why a cookie is not valid.',
        });
    } catch (error) {
      throw error instanceof SessionctlError ? await takenBack(store, token, id, error) : error;
    }
    return { id, createdAt, expiresAt, tokenFingerprint: await tokenFingerprint(token), cookies };
  } catch (error) {
    const detail = error instanceof Error ? context.redactor.redact(error.message) : null;
    await finish(context, store, run, { outcome: 'failed', detail });
    throw error;
  }
}

/** Removes a session whose cookie the operator does not have. @returns the error, with what happened to the session */
async function takenBack(
  store: CreatingStore,
  token: string,
  id: string,
  error: SessionctlError,
): Promise<SessionctlError> {
  try {
    await store.creation.remove(token);
    return error.withContext('the session was removed again', undefined);
  } catch {
    return error.withContext(
      `the session ${id} could not be removed again`,
      `Its cookie is not shown again. End it with \`sessionctl revoke ${id}\`.`,
    );
  }
}

/** A record that cannot be written does not change the session, so it is a warning. */
async function finish(
  context: Context,
  store: CreatingStore,
  run: Recorded,
  end: { readonly outcome: 'complete' | 'failed'; readonly detail: string | null },
): Promise<void> {
  try {
    await record(context, store, run, { event: 'finished', ...end });
  } catch (error) {
    await context.warn(
      `the history has no record of the end: ${error instanceof Error ? error.message : ''}`,
    );
  }
}
