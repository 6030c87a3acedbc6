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
 * Ends what is beyond the newest sessions of each user. Newest is what began last (`createdAt`): a refresh moves
 * `updatedAt`, and so would let a session that is years old push out the one of this morning. All active sessions of a
 * user are ranked, also those of impersonations; the selection only narrows which of the others are ended, so that no
 * selection ends a session that the command without it would let live.
 */
export const limit = defineCommand<LimitFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 7, 9, 130],
  examples: [
    ['sessionctl limit --max 5 --dry-run', 'What would be ended if everybody may have five; changes nothing'],
    ['sessionctl limit', 'As many for each as maximum_sessions of the configuration says, after a question'],
    ['sessionctl limit --max 1 --user ada@example.com', 'All sessions of one user but the newest'],
    [
      'sessionctl limit --max 10 --except-user robot@example.com --yes --max-affected 5000',
      'From cron, with one user left alone and a bound',
    ],
  ],
  configure: (command) =>
    addRevocationOptions(
      addSelectionOptions(
        command
          .optionsGroup('What is done')
          .option(
            '--max <number>',
            'active sessions that each user may keep, the newest (default: maximum_sessions)',
            once('--max'),
          ),
        'active',
      ),
    ).option('--max-affected <number>', 'refuse to end more than so many', once('--max-affected')),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    rejectWildcards(flags);
    const request = parseSelection(flags, 'active');
    if (request.state !== 'active') {
      throw new UsageError(`--state ${request.state}: only active sessions count for a limit`, {
        hint: 'Leave --state out. `sessionctl sweep` deletes what has expired.',
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

/** All that is missing at once: who mends one thing is not to be told of the other only then. */
function nothingSaysHowMany(isYesMissing: boolean): UsageError {
  const setting = 'set maximum_sessions of [profiles.<name>.session] in the configuration.';
  return isYesMissing
    ? new UsageError(
        'nothing says how many sessions each user may keep, and this ends sessions and needs --yes where nobody can be asked',
        { hint: `Give --max 5 --yes, after a look with --dry-run; in place of --max you can ${setting}` },
      )
    : new UsageError('nothing says how many sessions each user may keep', {
        hint: `Give --max 5, or ${setting}`,
      });
}
