import { defineCommand, once } from '../command.ts';
import { UsageError } from '../errors.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { selectionInWords } from '../sessions/selection-text.ts';
import { lacksYes } from './revocation/carry-out.ts';
import { endSelection, type SelectedFlags } from './revocation/end-selection.ts';
import { rejectWildcards } from './revoke-all.ts';
import { addRevocationOptions, revocationOptionsInWords } from './revocation/revocation-options.ts';
import { addSelectionOptions } from './selection-options.ts';
import { parseWholeNumber } from './whole-number.ts';

interface LimitFlags extends SelectedFlags {
  readonly max?: string;
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
  exitMeanings: {
    7: 'refused: more than --max-affected allows, or sessions of another application; nothing was changed',
  },
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
    const keepNewest = asked ?? (await context.settings()).session.maximumSessions;
    if (keepNewest === null) throw nothingSaysHowMany(lacksYes(context, flags, true));
    const words = [`--max ${String(keepNewest)}`, selectionInWords(flags, context.redactor)].join(' ').trim();
    const bounds = flags.maxAffected === undefined ? [] : [`--max-affected ${flags.maxAffected}`];
    await endSelection(context, flags, {
      command: 'limit',
      request,
      keepNewest,
      words,
      recorded: [words, ...bounds, ...revocationOptionsInWords(flags)].join(' '),
      json,
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
