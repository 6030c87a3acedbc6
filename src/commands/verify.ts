import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { cookieNames } from '../sessions/cookie-names.ts';
import { parsePresented, type Presented } from '../sessions/presented.ts';
import { verify as verifyPresented, type Verified, type Verifier } from '../sessions/verify.ts';
import { readStdin } from './read-stdin.ts';
import { warnOfMismatch } from './warn-of-mismatch.ts';

export const verify = defineCommand<object>({
  notes: 'Reads stdin alone, so that no secret meets the command line. Nothing is refreshed or written.',
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  exitMeanings: { 0: 'valid', 1: 'failed, or not valid' },
  examples: [
    [
      'sessionctl verify < cookie.txt',
      'A cookie, a whole Cookie header or a token; exit 0 if it is valid, 1 if not',
    ],
    ['pbpaste | sessionctl verify --json', 'From the clipboard, with the reason as a word for scripts'],
  ],
  configure: (command) => command,
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
    if (isTerminal) await context.note('Paste a token or a cookie, then press Enter and Ctrl-D.');
    const presented = parsePresented(await readStdin(context.system), verifier.names);
    protect(context, presented);
    return context.withStore('read', async (store) => {
      const verified = await verifyPresented(presented, verifier, store);
      const { verifiedJson, verifiedText } = await import('../output/verified-text.ts');
      const cookieName = verifier.names?.sessionToken ?? null;
      await context.print(
        json ? verifiedJson(verified) : verifiedText(verified, store.now, { cookieName, ...context.stdout }),
      );
      for (const remark of remarksOn(verified, presented, verifier)) await context.warn(remark);
      if (verified.stored === 'unknown') {
        await warnOfMismatch(context, store);
        if (store.target.redis === null)
          await context.note(
            'note: no Redis is configured here; where the application sets secondaryStorage, the session may stand there',
          );
      }
      for (const caution of store.cautions) await context.note(`note: ${caution}`);
      return verified.valid ? 0 : 1;
    });
  },
});

/** Whatever else is said, nothing of the credential is. */
function protect({ redactor }: Context, { token, cache }: Presented): void {
  for (const secret of [token?.token, token?.signature, cache]) redactor.protect(secret);
}

function remarksOn(
  { valid, reason, signature, userBanned, userExists, answeredBy, session }: Verified,
  { token }: Presented,
  { secret }: Verifier,
): readonly string[] {
  const id = session?.id ?? '';
  return [
    ...(secret === null && signature !== 'absent'
      ? [
          'the signature was not checked, since no secret is configured: set secret = "${BETTER_AUTH_SECRET}" in [profiles.<name>.auth]',
        ]
      : []),
    ...(token?.bearer === true
      ? [
          'it stood in an Authorization header, which Better Auth reads only with its bearer plugin; judged as a cookie',
        ]
      : []),
    ...(valid && userBanned === true
      ? [
          `the user is banned, and this session goes on all the same: a ban keeps new ones from being made. \`sessionctl revoke ${id}\` ends it`,
        ]
      : []),
    ...(valid && answeredBy === 'secondary' && userExists === false
      ? [
          `the user is gone from the database, and Better Auth answers from Redis all the same. \`sessionctl revoke ${id}\` ends the session`,
        ]
      : []),
    ...(reason === 'cached'
      ? [
          'nothing in a store ends a cached copy before its time; another cookieCache.version in the application does',
        ]
      : []),
  ];
}
