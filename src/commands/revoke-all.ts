import { defineCommand, once } from '../command.ts';
import { UsageError } from '../errors.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import type { SelectionWords } from '../sessions/selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { selectionInWords } from '../sessions/selection-text.ts';
import { endSelection, type SelectedFlags } from './revocation/end-selection.ts';
import { addRevocationOptions, revocationOptionsInWords } from './revocation/revocation-options.ts';
import { addSelectionOptions, type SelectionFlags } from './selection-options.ts';

interface RevokeAllFlags extends SelectedFlags {
  readonly everyone?: boolean;
  readonly untilQuiet?: boolean;
}

export const revokeAll = defineCommand<RevokeAllFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 7, 9, 130],
  examples: [
    [
      'sessionctl revoke-all --ip 203.0.113.0/24 --dry-run',
      'Preview the sessions of a network; changes nothing',
    ],
    ['sessionctl revoke-all --user ada@example.com', 'End every session of one user, after a prompt'],
    [
      'sessionctl revoke-all --user-agent python-requests --created-after 2h --yes --reason "INC-7, stolen passwords"',
      'End sessions without a prompt, for a script or a runbook',
    ],
    [
      'sessionctl revoke-all --everyone --except-user ada@example.com --max-affected 50000',
      'End all sessions except those of one user; you type the number to confirm',
    ],
  ],
  configure: (command) =>
    addRevocationOptions(
      addSelectionOptions(command, 'all')
        .option('--everyone', 'all sessions, less those that --state and --except-… leave out')
        .optionsGroup('Behaviour')
        .option(
          '--until-quiet',
          'repeat for matching sessions that start meanwhile, until there are no new ones',
        ),
    ).option(
      '--max-affected <number>',
      'refuse if more than <number> sessions match',
      once('--max-affected'),
    ),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    requireSelector(flags);
    rejectWildcards(flags);
    const request = parseSelection(flags, 'all');
    const selected = selectionInWords(flags, context.redactor);
    const words = [flags.everyone === true ? '--everyone' : '', selected].join(' ').trim();
    await endSelection(context, flags, {
      command: 'revoke-all',
      request,
      words,
      recorded: [words, ...boundsInWords(flags)].join(' '),
      typeNumber: flags.everyone === true,
      untilQuiet: flags.untilQuiet === true,
      json,
    });
    return 0;
  },
});

/** The options that bound or extend the run beyond its selection, as they would be typed. */
function boundsInWords({ maxAffected, untilQuiet, ...flags }: RevokeAllFlags): readonly string[] {
  return [
    ...(maxAffected === undefined ? [] : [`--max-affected ${maxAffected}`]),
    ...(untilQuiet === true ? ['--until-quiet'] : []),
    ...revocationOptionsInWords(flags),
  ];
}

/** Options that select sessions. `--state` alone would mean every session, and so would exceptions alone. */
const selectors = [
  'user', 'ip', 'userAgent', 'createdAfter', 'createdBefore', 'activeAfter', 'idleSince', 'expiresBefore',
  'expiresAfter', 'impersonated', 'impersonatedBy',
] as const satisfies readonly (keyof SelectionWords)[]; // prettier-ignore

/** @throws UsageError where no selector is given, or `--everyone` beside one */
function requireSelector(flags: RevokeAllFlags): void {
  const given = selectors.filter((name) => flags[name] !== undefined);
  if (flags.everyone !== true && given.length === 0) {
    throw new UsageError('no selection given', {
      hint: 'Give at least one of --user, --ip, --user-agent, --impersonated or a time option, or --everyone. --state and --except-… only narrow a selection.',
    });
  }
  if (flags.everyone === true && given.length > 0) {
    throw new UsageError('--everyone cannot be combined with an option that selects some sessions', {
      hint: 'Remove --everyone or the other option. --state and --except-… can be combined with it.',
    });
  }
}

/**
 * `--user-agent` is matched literally, so a lone wildcard would select only the few agents that contain that character.
 * The operator probably meant every session, or something else, so this refuses instead of guessing.
 * @throws UsageError
 */
export function rejectWildcards({ userAgent = [] }: Pick<SelectionFlags, 'userAgent'>): void {
  const wildcard = userAgent.find((text) => /^[%*_?\s]+$/.test(text));
  if (wildcard === undefined) return;
  throw new UsageError(
    `--user-agent ${JSON.stringify(wildcard)}: wildcards are not supported, the text is matched literally`,
    {
      hint: 'Give a part of the user agent, such as curl or Firefox/133.',
    },
  );
}
