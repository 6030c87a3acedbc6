import { defineCommand, once } from '../command.ts';
import { UsageError } from '../errors.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { doubtsAboutIpv6, widenedNetworks } from './address-notes.ts';
import { withNetworksMeant } from '../sessions/network-meant.ts';
import { InvalidValueError } from '../sessions/invalid-value.ts';
import type { SelectionWords } from '../sessions/selection.ts';
import { resolveSelection } from '../sessions/resolve-selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { selectionInWords } from '../sessions/selection-text.ts';
import { carryOut, checkBeforehand } from './carry-out.ts';
import {
  addRevocationOptions,
  parseIncluded,
  parseReason,
  revocationOptionsInWords,
  type RevocationFlags,
} from './revocation-options.ts';
import { addSelectionOptions, type SelectionFlags } from './selection-options.ts';
import { shownValue } from '../sessions/shown-value.ts';

interface RevokeAllFlags extends SelectionFlags, RevocationFlags {
  readonly everyone?: boolean;
  readonly maxAffected?: string;
  readonly untilQuiet?: boolean;
}

export const revokeAll = defineCommand<RevokeAllFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 7, 9, 130],
  examples: [
    [
      'sessionctl revoke-all --ip 203.0.113.0/24 --dry-run',
      'What would be ended from a network; changes nothing',
    ],
    ['sessionctl revoke-all --user ada@example.com', 'Every session of one user, after a question'],
    [
      'sessionctl revoke-all --user-agent python-requests --created-after 2h --yes --reason "INC-7, stolen passwords"',
      'Without a question, for a script or a runbook',
    ],
    [
      'sessionctl revoke-all --everyone --except-user ada@example.com --max-affected 50000',
      'Everybody but one; the number has to be typed',
    ],
  ],
  configure: (command) =>
    addRevocationOptions(
      addSelectionOptions(command, 'all')
        .option('--everyone', 'every session there is, but for --state and --except-…')
        .optionsGroup('What is done')
        .option('--until-quiet', 'go on with whoever signs in meanwhile, until nobody does'),
    ).option('--max-affected <number>', 'refuse to end more than so many', once('--max-affected')),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    requireSelector(flags);
    rejectWildcards(flags);
    const request = parseSelection(flags, 'all');
    const maxAffected = flags.maxAffected === undefined ? null : parseMaxAffected(flags.maxAffected);
    const reason = parseReason(flags.reason);
    const included = parseIncluded(flags);
    checkBeforehand(context, flags, true);
    const { ipv6Subnet } = (await context.settings()).ip;
    const selected = selectionInWords(flags, context.redactor);
    const words = [flags.everyone === true ? '--everyone' : '', selected].join(' ').trim();
    await context.withStore(flags.dryRun === true ? 'read' : 'write', async (store) => {
      const selection = await resolveSelection(request, store, ipv6Subnet);
      await carryOut(
        context,
        store,
        {
          command: 'revoke-all',
          selection,
          words: withNetworksMeant(words, flags, ipv6Subnet),
          addressNotes: widenedNetworks(flags, ipv6Subnet),
          addressDoubts: await doubtsAboutIpv6(store, selection, flags, ipv6Subnet),
          recorded: [words, ...boundsInWords(flags)].join(' '),
          notFound: [],
          missingHint: '',
          missed: [],
          typeNumber: flags.everyone === true,
          maxAffected,
          untilQuiet: flags.untilQuiet === true,
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

/** What makes a run do more than end what is selected, or stops it, as it would be typed. */
function boundsInWords({ maxAffected, untilQuiet, ...flags }: RevokeAllFlags): readonly string[] {
  return [
    ...(maxAffected === undefined ? [] : [`--max-affected ${maxAffected}`]),
    ...(untilQuiet === true ? ['--until-quiet'] : []),
    ...revocationOptionsInWords(flags),
  ];
}

/** Options that say who is meant. `--state` alone would mean everybody, and so would what is only excepted. */
const selectors = [
  'user', 'ip', 'userAgent', 'createdAfter', 'createdBefore', 'activeAfter', 'idleSince', 'expiresBefore',
  'expiresAfter', 'impersonated', 'impersonatedBy',
] as const satisfies readonly (keyof SelectionWords)[]; // prettier-ignore

/** @throws UsageError where nobody is named, or everybody and somebody */
function requireSelector(flags: RevokeAllFlags): void {
  const given = selectors.filter((name) => flags[name] !== undefined);
  if (flags.everyone !== true && given.length === 0) {
    throw new UsageError('nothing says which sessions are meant', {
      hint: 'Give at least one of --user, --ip, --user-agent, --impersonated or a time; or --everyone. --state and --except-… only narrow those.',
    });
  }
  if (flags.everyone === true && given.length > 0) {
    throw new UsageError('--everyone contradicts an option that selects some', {
      hint: 'Leave --everyone out, or the other. --state and --except-… may stand beside it.',
    });
  }
}

/**
 * A user agent is searched for as it is typed, so that a lone wildcard finds the few that contain that very character.
 * Whoever types one meant everybody, or something else: neither is guessed.
 * @throws UsageError
 */
export function rejectWildcards({ userAgent = [] }: Pick<SelectionFlags, 'userAgent'>): void {
  const wildcard = userAgent.find((text) => /^[%*_?\s]+$/.test(text));
  if (wildcard === undefined) return;
  throw new UsageError(
    `--user-agent ${JSON.stringify(wildcard)}: there are no wildcards, the text is searched for as it is`,
    {
      hint: 'Give a part of the user agent, such as curl or Firefox/133.',
    },
  );
}

/** @throws InvalidValueError */
export function parseMaxAffected(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidValueError(
    `--max-affected: ${shownValue(text)} is not a number of sessions`,
    'Write a whole number, such as --max-affected 500.',
  );
}
