import { collect, defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CancelledError, FailedError, UsageError } from '../errors.ts';
import { counted } from '../output/counted.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { InvalidValueError, NotFoundError } from '../sessions/invalid-value.ts';
import { everySession } from '../sessions/selection.ts';
import {
  areCredentials,
  resolveSelection,
  resolveSessionId,
  SHORTEST_ID_PREFIX,
} from '../sessions/resolve-selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { candidatesOf, readPaste, resolvePaste } from '../sessions/pasted.ts';
import { presentedIn } from '../sessions/presented.ts';
import type { SessionStore } from '../sessions/session-store.ts';
import { carryOut, checkBeforehand, SHORTEST_CREDENTIAL } from './carry-out.ts';
import { protectPaste } from './protect-paste.ts';
import { readStdin } from './read-stdin.ts';
import {
  addRevocationOptions,
  parseIncluded,
  parseReason,
  revocationOptionsInWords,
  type RevocationFlags,
} from './revocation-options.ts';
import { chooseSessions } from './choose-sessions.ts';

interface RevokeFlags extends RevocationFlags {
  readonly tokenStdin?: boolean;
  readonly user?: readonly string[];
  readonly ignoreMissing?: boolean;
}

/** Which sessions are meant, and what of the words names none. */
interface Named {
  readonly ids: readonly string[];
  readonly notFound: readonly string[];
  /** Those of them that cannot be of a session that has ended: they were never meant so. */
  readonly misnamed: readonly string[];
  readonly words: string;
  /** The same for the history. */
  readonly recorded: string;
}

/** More ids than these make statements that databases refuse. */
const MOST_IDS = 100_000;
/** Characters of Better Auth's own ids: of such a length, a text is no beginning, and nobody has to search for others. */
const WHOLE_ID = 32;
const MISSING_ID =
  '`sessionctl list --state all` shows ids; --ignore-missing takes those that are gone for ended.';
const MISSING_TOKEN =
  'The session of such a token has ended, or stands in another database; --ignore-missing takes it for ended.';
const FEW_IDS = 5;
const RECORDED_IDS = 1000;

export const revoke = defineCommand<RevokeFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 9, 130],
  exitMeanings: { 1: 'failed, or an id or a user does not exist; the others are ended all the same' },
  examples: [
    ['sessionctl revoke QsFYstwy', 'One session, by its id or a beginning of it that no other has'],
    ['sessionctl revoke --user ada@example.com', "Tick some of a user's sessions on a terminal"],
    ['sessionctl list --ip 203.0.113.192/28 -o ids | sessionctl revoke - --yes', 'Ids from another command'],
    [
      'sessionctl revoke --token-stdin --yes < leaked.txt',
      'By tokens, cookies, headers, logs or JSON, as `verify` reads them',
    ],
  ],
  configure: (command) =>
    addRevocationOptions(
      command
        .argument(
          '[ids...]',
          'ids, or unique beginnings of at least 8 characters; - reads them from stdin; behind --, those that begin with a dash',
        )
        .optionsGroup('Which sessions')
        .option('--token-stdin', 'read leaked tokens, cookies, headers, logs or JSON from stdin')
        .option('--user <id or email>', 'tick sessions of this user on a terminal (repeatable)', collect)
        .option('--ignore-missing', 'an id that does not exist is no failure'),
    ),
  run: async (context, flags, args) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    checkSource(context, flags, args);
    const reason = parseReason(flags.reason);
    const included = parseIncluded(flags);
    const readsStdin = flags.tokenStdin === true || args.includes('-');
    checkBeforehand(context, flags, !readsStdin);
    const input = readsStdin ? await readStdin(context.system) : '';
    if (readsStdin && input.trim() === '') {
      throw new UsageError('stdin is empty: it names no session', { hint: 'Nothing was changed.' });
    }
    await context.withStore(flags.dryRun === true ? 'read' : 'write', async (store) => {
      const named = await sessionsNamed(context, store, flags, args, input);
      await carryOut(
        context,
        store,
        {
          command: 'revoke',
          selection: { ...everySession, sessionIds: named.ids },
          words: named.words,
          recorded: [named.recorded, ...revocationOptionsInWords(flags)].join(' ').trim(),
          addressNotes: [],
          addressDoubts: [],
          notFound: named.notFound,
          missingHint: flags.tokenStdin === true ? MISSING_TOKEN : MISSING_ID,
          missed: flags.ignoreMissing === true ? named.misnamed : named.notFound,
          typeNumber: false,
          maxAffected: null,
          untilQuiet: false,
          included,
          reason,
          json,
        },
        flags,
      );
    });
    return 0;
  },
});

/** @throws UsageError unless there is exactly one place that says which sessions are meant */
function checkSource(context: Context, { tokenStdin, user }: RevokeFlags, args: readonly string[]): void {
  const given = [args.length > 0, tokenStdin === true, user !== undefined].filter(Boolean).length;
  if (given === 0) {
    throw new UsageError('nothing says which sessions are meant', {
      hint: 'Give ids, - for ids from stdin, --token-stdin, or --user on a terminal. `sessionctl list` shows ids.',
    });
  }
  if (given > 1) {
    throw new UsageError('ids, --token-stdin and --user exclude each other', { hint: 'Give one of them.' });
  }
  if (user !== undefined && !context.mayPrompt) {
    throw new UsageError('revoke --user asks which sessions are meant, and there is no terminal to ask on', {
      hint: 'Name the ids, or end all of them with revoke-all --user.',
    });
  }
}

async function sessionsNamed(
  context: Context,
  store: SessionStore,
  flags: RevokeFlags,
  args: readonly string[],
  input: string,
): Promise<Named> {
  if (flags.user !== undefined) return ticked(context, store, flags.user);
  const named =
    flags.tokenStdin === true
      ? await byToken(context, store, flags, input)
      : await byId(context, store, flags, args, input);
  if (named.ids.length > MOST_IDS) {
    throw new UsageError(`${String(named.ids.length)} ids are more than one command takes`, {
      hint: `Give up to ${String(MOST_IDS)} at a time, or select them with revoke-all.`,
    });
  }
  return named;
}

/** A text that should be an id, and where it stands. */
interface IdWord {
  readonly text: string;
  readonly place: string;
  /** By a person, in place of what another program has written. */
  readonly isTyped: boolean;
  /** The rest of it may have been left out. */
  readonly mayBePrefix: boolean;
}

async function byId(
  context: Context,
  store: SessionStore,
  flags: RevokeFlags,
  args: readonly string[],
  input: string,
): Promise<Named> {
  const lines = input
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, at) => ({
      text: line.trim(),
      place: `line ${String(at + 1)} of stdin`,
      isTyped: false,
      mayBePrefix: false,
    }))
    .filter(({ text }) => text !== '');
  const words: readonly IdWord[] = args.flatMap((text, at) =>
    text === '-'
      ? lines
      : [{ text, place: `argument ${String(at + 1)}`, isTyped: true, mayBePrefix: text.length < WHOLE_ID }],
  );
  const existing = await store.existingSessionIds(words.map(({ text }) => text));
  const ids = new Set<string>();
  const missing: IdWord[] = [];
  for (const word of words) {
    const id = existing.has(word.text) ? word.text : await shortFor(context, store, flags, word);
    if (id === null) missing.push(word);
    else ids.add(id);
  }
  const names = await namesOf(missing, store);
  return {
    ids: [...ids],
    notFound: names.map(({ name }) => name),
    misnamed: names.flatMap(({ name, isPossible }) => (isPossible ? [] : [name])),
    ...inWords([...ids]),
  };
}

/**
 * The id that the word begins, or null.
 * @throws InvalidValueError where it fits several, or where nobody is asked and it may be another session's whole id
 */
async function shortFor(
  context: Context,
  store: SessionStore,
  flags: RevokeFlags,
  { text, mayBePrefix }: IdWord,
): Promise<string | null> {
  if (!mayBePrefix) return null;
  let id;
  try {
    id = await resolveSessionId(text, store);
  } catch (error) {
    if (error instanceof NotFoundError) return null;
    throw error;
  }
  // Where ids are of any length, what is short for one may be the id of another, which is gone by now. Better Auth's own
  // ids are all of one length, which is four times that of the shortest beginning.
  if (flags.yes === true && text.length * 2 > id.length) {
    throw new InvalidValueError(
      `${JSON.stringify(text)} is no id, but begins one that is little longer: ${id}`,
      'Where nobody is asked, that may be another session. Nothing was changed; give the whole id if it is meant.',
    );
  }
  await context.note(`${text} is short for ${id}`);
  return id;
}

/** How to call what does not exist, and whether it can be the id of a session that has ended. */
interface MissingName {
  readonly name: string;
  readonly isPossible: boolean;
}

/** What is no id of any kind may be a token with something around it, and is not shown. */
async function namesOf(words: readonly IdWord[], store: SessionStore): Promise<readonly MissingName[]> {
  const credentials = await areCredentials(
    words.map(({ text }) => text),
    store,
  );
  const impossible = (name: string): MissingName => ({ name, isPossible: false });
  return Promise.all(
    words.map(async ({ text, place, isTyped, mayBePrefix }, at) => {
      if (credentials[at] === true) return impossible(`${place} (a token; see --token-stdin)`);
      // Redis finds a user who is in no table only by looking at all sessions.
      if (isTyped && words.length <= FEW_IDS && (await store.findUsers(text)).length > 0)
        return impossible(`${place} (a user; see --user, or revoke-all --user)`);
      if (!/^(?:[\w-]{1,32}|[\da-f-]{36})$/i.test(text)) return impossible(`${place} (not an id)`);
      const isShort = mayBePrefix && text.length < SHORTEST_ID_PREFIX;
      if (isShort) return impossible(`${text} (a beginning needs ${String(SHORTEST_ID_PREFIX)} characters)`);
      return { name: text, isPossible: true };
    }),
  );
}

async function byToken(
  context: Context,
  store: SessionStore,
  flags: RevokeFlags,
  input: string,
): Promise<Named> {
  const items = readPaste(input);
  const resolved = await resolvePaste(items, store);
  // Anything that may be a token is kept out of every message from here on.
  protectPaste(context, items, resolved);
  const found = resolved.flatMap(({ credentials }) =>
    credentials.flatMap(({ sessionId }) => sessionId ?? []),
  );
  const ids = new Set(found);
  const candidates = items.flatMap(candidatesOf);
  // Ids come without tokens among them, and Redis finds one only by looking at all.
  const asIds = ids.size === 0 ? await store.existingSessionIds(candidates) : new Set<string>();
  const notFound: string[] = [];
  const misnamed: string[] = [];
  const hasNone = resolved.every(({ credentials }) => credentials.length === 0);
  // As in `verify`, a session of the same browser beside the one that a server reads may have ended long ago.
  const beside = new Set(
    presentedIn(resolved, null).flatMap(({ isBeside, presented }) =>
      isBeside ? (presented?.token?.token ?? []) : [],
    ),
  );
  resolved.forEach(({ place, credentials, isMalformed }, at) => {
    const item = items[at];
    const name = (what: string) => `${place} (${what})`;
    const missing = credentials.filter(
      ({ sessionId, reading }) => sessionId === null && !beside.has(reading.token),
    );
    if (item !== undefined && candidatesOf(item).some((text) => asIds.has(text)))
      misnamed.push(name('the id of a session; leave --token-stdin out'));
    else if (isMalformed) notFound.push(name('not a token'));
    // Text that is usual beside a credential, or a cached copy, where no credential is.
    else if (hasNone) notFound.push(name('no token in it'));
    else notFound.push(...missing.map(() => name('no session has this token')));
  });
  // A log has lines without one; an input that has none at all was meant otherwise.
  const isRubbish = ids.size === 0 && candidates.every(({ length }) => length < SHORTEST_CREDENTIAL);
  if (flags.ignoreMissing === true && isRubbish)
    throw new FailedError('nothing of the input is a token', { hint: 'Nothing was changed.' });
  const words = inWords([...ids]);
  return {
    ids: [...ids],
    notFound: [...misnamed, ...notFound],
    misnamed,
    words: `--token-stdin ${words.words}`.trim(),
    recorded: `--token-stdin ${words.recorded}`.trim(),
  };
}

/** @throws CancelledError where nothing is ticked */
async function ticked(context: Context, store: SessionStore, users: readonly string[]): Promise<Named> {
  const { ipv6Subnet } = (await context.settings()).ip;
  const selection = await resolveSelection(parseSelection({ user: users }, 'all'), store, ipv6Subnet);
  const ids = await chooseSessions(context, store, selection);
  if (ids.length === 0) throw new CancelledError('nothing was chosen, nothing was changed');
  return { ids, notFound: [], misnamed: [], ...inWords(ids) };
}

/** A few for whoever looks at the plan, and more for the history. */
function inWords(ids: readonly string[]): Pick<Named, 'words' | 'recorded'> {
  const first = (most: number) => {
    const more = ids.length - most;
    return `${ids.slice(0, most).join(' ')}${more > 0 ? ` and ${counted(more, 'more id')}` : ''}`;
  };
  return { words: first(FEW_IDS), recorded: first(RECORDED_IDS) };
}
