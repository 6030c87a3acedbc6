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
import { carryOut, checkBeforehand, SHORTEST_CREDENTIAL } from './revocation/carry-out.ts';
import { protectPaste } from './protect-paste.ts';
import { readStdin } from './read-stdin.ts';
import {
  addRevocationOptions,
  parseIncluded,
  parseReason,
  revocationOptionsInWords,
  type RevocationFlags,
} from './revocation/revocation-options.ts';
import { chooseSessions } from './choose-sessions.ts';

interface RevokeFlags extends RevocationFlags {
  readonly tokenStdin?: boolean;
  readonly user?: readonly string[];
  readonly ignoreMissing?: boolean;
}

/** The sessions that are named, and the words that name none. */
interface Named {
  readonly ids: readonly string[];
  readonly notFound: readonly string[];
  /** Those of them that cannot name a session that has ended: a typing error, not a missing session. */
  readonly misnamed: readonly string[];
  readonly words: string;
  /** The words for the history. */
  readonly recorded: string;
}

/** Databases refuse statements with more ids. */
const MOST_IDS = 100_000;
/** The length of Better Auth's own ids. A text this long is not a prefix, so no search for other ids is needed. */
const WHOLE_ID = 32;
const MISSING_ID =
  '`sessionctl list --state all` shows ids; --ignore-missing assumes that missing ones have already ended.';
const MISSING_TOKEN =
  'The session of such a token has ended, or is in another database; --ignore-missing assumes that it has already ended.';
const FEW_IDS = 5;
const RECORDED_IDS = 1000;

export const revoke = defineCommand<RevokeFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 9, 130],
  exitMeanings: { 1: 'failed, or an id or a user does not exist; the other sessions are still ended' },
  examples: [
    ['sessionctl revoke QsFYstwy', 'End one session, by its id or a unique prefix of it'],
    ['sessionctl revoke --user ada@example.com', 'Tick some sessions of a user on a terminal'],
    [
      'sessionctl list --ip 203.0.113.192/28 -o ids | sessionctl revoke - --yes',
      'Read ids from another command',
    ],
    [
      'sessionctl revoke --token-stdin --yes < leaked.txt',
      'End sessions by tokens, cookies, headers, logs or JSON, in any form that `verify` reads',
    ],
  ],
  configure: (command) =>
    addRevocationOptions(
      command
        .argument(
          '[ids...]',
          'ids, or unique prefixes of at least 8 characters; - reads ids from stdin; ids that begin with a dash go after --',
        )
        .optionsGroup('Which sessions')
        .option('--token-stdin', 'read leaked tokens, cookies, headers, logs or JSON from stdin')
        .option('--user <id or email>', 'tick sessions of this user on a terminal (repeatable)', collect)
        .option('--ignore-missing', 'do not fail for an id that does not exist'),
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

/** @throws UsageError unless there is exactly one source of sessions */
function checkSource(context: Context, { tokenStdin, user }: RevokeFlags, args: readonly string[]): void {
  const given = [args.length > 0, tokenStdin === true, user !== undefined].filter(Boolean).length;
  if (given === 0) {
    throw new UsageError('no selection given', {
      hint: 'Give ids, - for ids from stdin, --token-stdin, or --user on a terminal. `sessionctl list` shows ids.',
    });
  }
  if (given > 1) {
    throw new UsageError('ids, --token-stdin and --user cannot be combined', { hint: 'Give one of them.' });
  }
  if (user !== undefined && !context.mayPrompt) {
    throw new UsageError('revoke --user asks which sessions to end, and there is no terminal to ask on', {
      hint: 'Give ids, or end all sessions of the user with revoke-all --user.',
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
    throw new UsageError(`${String(named.ids.length)} ids are more than one command accepts`, {
      hint: `Give up to ${String(MOST_IDS)} at a time, or select them with revoke-all.`,
    });
  }
  return named;
}

/** A text that should be an id, and its place. */
interface IdWord {
  readonly text: string;
  readonly place: string;
  /** A person typed it, rather than another program. */
  readonly isTyped: boolean;
  /** It may be the beginning of a longer id. */
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
 * The id that the word is a prefix of, or null.
 * @throws InvalidValueError where it fits several ids, or where the operator is not asked and it may be another
 * session's whole id
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
  // Where ids differ in length, a prefix of one may be the whole id of another that is gone by now. Better Auth's own
  // ids have one length, which is four times that of the shortest prefix.
  if (flags.yes === true && text.length * 2 > id.length) {
    throw new InvalidValueError(
      `${JSON.stringify(text)} is not an id, but a prefix of one that is only a little longer: ${id}`,
      'Without a prompt this could end another session. Nothing was changed; give the whole id if it is the right one.',
    );
  }
  await context.note(`${text} is short for ${id}`);
  return id;
}

/** The name of something that does not exist, and whether it can be the id of a session that has ended. */
interface MissingName {
  readonly name: string;
  readonly isPossible: boolean;
}

/** A text that cannot be an id may be a token with something around it, and is not shown. */
async function namesOf(words: readonly IdWord[], store: SessionStore): Promise<readonly MissingName[]> {
  const credentials = await areCredentials(
    words.map(({ text }) => text),
    store,
  );
  const impossible = (name: string): MissingName => ({ name, isPossible: false });
  return Promise.all(
    words.map(async ({ text, place, isTyped, mayBePrefix }, at) => {
      if (credentials[at] === true) return impossible(`${place} (a token; see --token-stdin)`);
      // In Redis, a user who is in no table is found only by reading all sessions.
      if (isTyped && words.length <= FEW_IDS && (await store.findUsers(text)).length > 0)
        return impossible(`${place} (a user; see --user, or revoke-all --user)`);
      if (!/^(?:[\w-]{1,32}|[\da-f-]{36})$/i.test(text)) return impossible(`${place} (not an id)`);
      const isShort = mayBePrefix && text.length < SHORTEST_ID_PREFIX;
      if (isShort) return impossible(`${text} (a prefix needs ${String(SHORTEST_ID_PREFIX)} characters)`);
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
  // Keep anything that may be a token out of every later message.
  protectPaste(context, items, resolved);
  const found = resolved.flatMap(({ credentials }) =>
    credentials.flatMap(({ sessionId }) => sessionId ?? []),
  );
  const ids = new Set(found);
  const candidates = items.flatMap(candidatesOf);
  // An input of ids has no tokens in it, and Redis finds an id only by reading all sessions.
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
      misnamed.push(name('the id of a session; remove --token-stdin'));
    else if (isMalformed) notFound.push(name('not a token'));
    // Text that is usual beside a credential, or a cached copy, where no credential is.
    else if (hasNone) notFound.push(name('no token in it'));
    else notFound.push(...missing.map(() => name('no session has this token')));
  });
  // A log has lines without a token; an input without any token is probably the wrong one.
  const isRubbish = ids.size === 0 && candidates.every(({ length }) => length < SHORTEST_CREDENTIAL);
  if (flags.ignoreMissing === true && isRubbish)
    throw new FailedError('the input holds no token', { hint: 'Nothing was changed.' });
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

/** A few ids for the plan, and more for the history. */
function inWords(ids: readonly string[]): Pick<Named, 'words' | 'recorded'> {
  const first = (most: number) => {
    const more = ids.length - most;
    return `${ids.slice(0, most).join(' ')}${more > 0 ? ` and ${counted(more, 'more id')}` : ''}`;
  };
  return { words: first(FEW_IDS), recorded: first(RECORDED_IDS) };
}
