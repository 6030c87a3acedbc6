import { idArguments } from '../shell-word.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../errors.ts';
import { counted } from '../output/counted.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { cookieNames } from '../sessions/cookie-names.ts';
import { readPaste, resolvePaste } from '../sessions/pasted.ts';
import { presentedIn, type PlacedPresented, type Presented } from '../sessions/presented.ts';
import { livesOn, verify as verifyPresented, type Verified, type Verifier } from '../sessions/verify.ts';
import { protectPaste } from './protect-paste.ts';
import { readStdin } from './read-stdin.ts';
import { warnOfMismatch } from './warn-of-mismatch.ts';

interface VerifyFlags {
  readonly each?: boolean;
  readonly ended?: boolean;
}

/** The stores are asked about each of them in turn. */
const MOST_TOKENS = 10_000;

export const verify = defineCommand<VerifyFlags>({
  notes:
    'Reads only stdin, so that no secret is on the command line: tokens and cookies, one per line, in headers, logs, curl commands, cookies.txt, or JSON such as a HAR file; up to 16 MB, each line up to 1 MB. Text that is not recognised is `malformed`. Nothing is refreshed or written.',
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  exitMeanings: {
    0: 'all are valid; with --ended: none is',
    1: 'failed, or one is not valid; with --ended: one is valid, or may be',
  },
  examples: [
    [
      'sessionctl verify < cookie.txt',
      'A cookie, a whole Cookie header or a token; exit 0 if it is valid, 1 if not',
    ],
    ['pbpaste | sessionctl verify --json', 'From the clipboard, with the reason as a code word for scripts'],
    ['sessionctl verify --ended < leaked.txt', 'Exit 0 if none of these tokens is valid any more'],
  ],
  configure: (command) =>
    command
      .option('--each', 'judge each token, also those of other sessions of one browser; an array with --json')
      .option('--ended', 'exit 0 if all sessions have ended, 1 if one is still valid or a line is malformed'),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    const { auth, session } = await context.settings();
    const verifier: Verifier = {
      secret: auth.secret,
      formerSecrets: auth.formerSecrets,
      names: auth.baseUrl === null ? null : cookieNames(auth.baseUrl, auth.cookiePrefix),
      cookieCache: session.cookieCache,
    };
    const isTerminal = context.system.stdin.isTTY === true;
    if (isTerminal) await context.note('Paste tokens or cookies, then press Enter and Ctrl-D.');
    const items = readPaste(await readStdin(context.system));
    if (items.length === 0)
      throw new UsageError('stdin is empty: it holds no token and no cookie', { hint: HINT });
    return context.withStore('read', async (store) => {
      const resolved = await resolvePaste(items, store);
      protectPaste(context, items, resolved);
      const all = presentedIn(resolved, verifier.names);
      if (all.every(({ presented }) => presented === null))
        throw new UsageError('malformed: stdin holds no token and no cookie of Better Auth', { hint: HINT });
      const judgesAll = flags.each === true || flags.ended === true;
      const asked = judgesAll ? all : all.filter(({ isBeside }) => !isBeside);
      if (asked.length > MOST_TOKENS)
        throw new UsageError(
          `stdin holds ${String(asked.length)} tokens, and one run verifies ${String(MOST_TOKENS)}`,
        );
      const verdicts: (PlacedPresented & { readonly verified: Verified })[] = [];
      for (const one of asked)
        verdicts.push({ ...one, verified: await verifyPresented(one.presented, verifier, store) });

      const { verdictsJson, verdictsText, verifiedJson, verifiedText } =
        await import('../output/verified-text.ts');
      const cookieName = verifier.names?.sessionToken ?? null;
      const [only] = verdicts;
      const isList = judgesAll || verdicts.length > 1 || only === undefined;
      const how = { cookieName, ...context.stdout };
      await context.print(
        isList
          ? json
            ? verdictsJson(verdicts)
            : verdictsText(verdicts, store.now, { ...how, asksIfEnded: flags.ended === true })
          : json
            ? verifiedJson(only.verified)
            : verifiedText(only.verified, store.now, how),
      );
      const remarks = verdicts.flatMap(({ verified, presented }) => remarksOn(verified, presented, verifier));
      for (const remark of new Set(remarks)) await context.warn(remark);
      const beside = all.length - asked.length;
      if (beside > 0)
        await context.note(
          `note: ${counted(beside, 'other token')} in the same header ${beside === 1 ? 'is' : 'are'} not judged here; --each judges every token`,
        );
      const isUnknown = verdicts.some(({ verified }) => verified.stored === 'unknown');
      const isMismatched = isUnknown && (await warnOfMismatch(context, store));
      if (isUnknown && store.target.redis === null)
        await context.note(
          'note: no Redis is configured here; if the application sets secondaryStorage, the session may be there',
        );
      for (const caution of store.cautions) await context.note(`note: ${caution}`);
      if (flags.ended !== true) return verdicts.every(({ verified }) => verified.valid) ? 0 : 1;
      if (isMismatched) await context.warn('so this does not prove that these sessions have ended');
      return isMismatched || verdicts.some(({ verified }) => livesOn(verified)) ? 1 : 0;
    });
  },
});

const HINT = 'Paste a token, the value of the session cookie, or the whole Cookie header.';

function remarksOn(
  { valid, reason, signature, userBanned, userExists, answeredBy, session }: Verified,
  presented: Presented | null,
  { secret }: Verifier,
): readonly string[] {
  const id = session?.id ?? '';
  return [
    ...(secret === null && signature !== 'absent'
      ? [
          'the signature was not checked, since no secret is configured: set secret = "${BETTER_AUTH_SECRET}" in [profiles.<name>.auth]',
        ]
      : []),
    ...(presented?.token?.bearer === true
      ? [
          'it was in an Authorization header, which Better Auth reads only with its bearer plugin; judged as a cookie',
        ]
      : []),
    ...(valid && userBanned === true
      ? [
          `the user is banned, and this session stays valid: a ban in the database only prevents new sessions. \`sessionctl revoke ${idArguments([id])}\` ends it`,
        ]
      : []),
    ...(valid && answeredBy === 'secondary' && userExists === false
      ? [
          `the user is gone from the database, and Better Auth still answers from Redis. \`sessionctl revoke ${idArguments([id])}\` ends the session`,
        ]
      : []),
    ...(reason === 'cached'
      ? ['no store can end a cached copy early; only another cookieCache.version in the application does']
      : []),
  ];
}
