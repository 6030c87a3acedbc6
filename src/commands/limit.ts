import { defineCommand, once } from '../command.ts';
import { UsageError } from '../errors.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { doubtsAboutIpv6, widenedNetworks } from './address-notes.ts';
import { withNetworksMeant } from '../sessions/network-meant.ts';
import { resolveSelection } from '../sessions/resolve-selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { selectionInWords } from '../sessions/selection-text.ts';
import { carryOut, checkBeforehand, lacksYes } from './carry-out.ts';
import { parseMaxAffected, rejectWildcards } from './revoke-all.ts';
import {
  addRevocationOptions,
  parseIncluded,
  parseReason,
  revocationOptionsInWords,
  type RevocationFlags,
} from './revocation-options.ts';
import { addSelectionOptions, type SelectionFlags } from './selection-options.ts';
import { parseWholeNumber } from './whole-number.ts';

interface LimitFlags extends SelectionFlags, RevocationFlags {
  readonly max?: string;
  readonly maxAffected?: string;
}

/**
 * Ends the sessions beyond the newest ones of each user. Newest means started last (`createdAt`): a refresh moves
 * `updatedAt`, and so a session that is years old would push out the one of this morning. All active sessions of a user
 * are ranked, also those of impersonations; the selection only narrows which of the others are ended, so that no
 * selection ends a session that the command without it would keep.
 */
export const limit = defineCommand<LimitFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 7, 9, 130],
  examples: [
    ['sessionctl limit --max 5 --dry-run', 'Preview a limit of five for each user; changes nothing'],
    ['sessionctl limit', 'Keep the configured maximum_sessions for each user, after a prompt'],
    ['sessionctl limit --max 1 --user ada@example.com', 'End all sessions of one user except the newest'],
    [
      'sessionctl limit --max 10 --except-user robot@example.com --yes --max-affected 5000',
      'For cron, without one user and with an upper bound',
    ],
  ],
  configure: (command) =>
    addRevocationOptions(
      addSelectionOptions(
        command
          .optionsGroup('Behaviour')
          .option(
            '--max <number>',
            'keep the newest <number> active sessions of each user (default: maximum_sessions)',
            once('--max'),
          ),
        'active',
      ),
    ).option(
      '--max-affected <number>',
      'refuse if more than <number> sessions match',
      once('--max-affected'),
    ),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    rejectWildcards(flags);
    const request = parseSelection(flags, 'active');
    if (request.state !== 'active') {
      throw new UsageError(`--state ${request.state}: only active sessions count for a limit`, {
        hint: 'Remove --state. `sessionctl sweep` deletes expired sessions.',
      });
    }
    const asked = flags.max === undefined ? null : parseWholeNumber('--max', flags.max, 'sessions');
    const maxAffected = flags.maxAffected === undefined ? null : parseMaxAffected(flags.maxAffected);
    const reason = parseReason(flags.reason);
    const included = parseIncluded(flags);
    const { session, ip } = await context.settings();
    const { ipv6Subnet } = ip;
    const keepNewest = asked ?? session.maximumSessions;
    if (keepNewest === null) throw nothingSaysHowMany(lacksYes(context, flags, true));
    checkBeforehand(context, flags, true);
    const words = [`--max ${String(keepNewest)}`, selectionInWords(flags, context.redactor)].join(' ').trim();
    const bounds = maxAffected === null ? [] : [`--max-affected ${String(maxAffected)}`];
    await context.withStore(flags.dryRun === true ? 'read' : 'write', async (store) => {
      const selection = { ...(await resolveSelection(request, store, ipv6Subnet)), keepNewest };
      await carryOut(
        context,
        store,
        {
          command: 'limit',
          selection,
          words: withNetworksMeant(words, flags, ipv6Subnet),
          addressNotes: widenedNetworks(flags, ipv6Subnet),
          addressDoubts: await doubtsAboutIpv6(store, selection, flags, ipv6Subnet),
          recorded: [words, ...bounds, ...revocationOptionsInWords(flags)].join(' '),
          notFound: [],
          missingHint: '',
          missed: [],
          typeNumber: false,
          maxAffected,
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

/**
 * Reports everything that is missing at once, so that the operator does not fix one thing only to see the next error.
 */
function nothingSaysHowMany(isYesMissing: boolean): UsageError {
  const setting = 'set maximum_sessions of [profiles.<name>.session] in the configuration.';
  return isYesMissing
    ? new UsageError(
        'no maximum number of sessions given, and this ends sessions and needs --yes when it cannot ask',
        { hint: `Preview it with --dry-run, then give --max 5 --yes; instead of --max you can ${setting}` },
      )
    : new UsageError('no maximum number of sessions given', {
        hint: `Give --max 5, or ${setting}`,
      });
}
