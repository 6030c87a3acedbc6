import type { Context } from '../../context.ts';
import { InvalidValueError } from '../../sessions/invalid-value.ts';
import { withNetworksMeant } from '../../sessions/network-meant.ts';
import { resolveSelection } from '../../sessions/resolve-selection.ts';
import type { SelectionRequest } from '../../sessions/selection.ts';
import { shownValue } from '../../sessions/shown-value.ts';
import { doubtsAboutIpv6, widenedNetworks } from '../address-notes.ts';
import type { SelectionFlags } from '../selection-options.ts';
import { carryOut, checkBeforehand } from './carry-out.ts';
import { parseIncluded, parseReason, type RevocationFlags } from './revocation-options.ts';
import type { RevocationRequest } from './revocation-run.ts';

/** What a command with selecting options asks to end; the rest is in its flags. */
interface SelectedRequest extends Pick<RevocationRequest, 'command' | 'words' | 'recorded' | 'json'> {
  readonly request: SelectionRequest;
  /** Each user keeps as many of the newest sessions; by default none. */
  readonly keepNewest?: number;
  readonly typeNumber?: boolean;
  readonly untilQuiet?: boolean;
}

export interface SelectedFlags extends SelectionFlags, RevocationFlags {
  readonly maxAffected?: string;
}

/**
 * Ends the sessions of a selection: see `carryOut`.
 * @throws UsageError, InvalidValueError before connecting
 */
export async function endSelection(
  context: Context,
  flags: SelectedFlags,
  { request, keepNewest, typeNumber = false, untilQuiet = false, ...asked }: SelectedRequest,
): Promise<void> {
  const rest = {
    typeNumber,
    untilQuiet,
    notFound: [],
    missingHint: '',
    missed: [],
    maxAffected: parseMaxAffected(flags.maxAffected),
    included: parseIncluded(flags),
    reason: parseReason(flags.reason),
  };
  checkBeforehand(context, flags, true);
  const { ipv6Subnet } = (await context.settings()).ip;
  await context.withStore(flags.dryRun === true ? 'read' : 'write', async (store) => {
    const resolved = await resolveSelection(request, store, ipv6Subnet);
    const selection = keepNewest === undefined ? resolved : { ...resolved, keepNewest };
    await carryOut(
      context,
      store,
      {
        ...asked,
        ...rest,
        selection,
        words: withNetworksMeant(asked.words, flags, ipv6Subnet),
        addressNotes: widenedNetworks(flags, ipv6Subnet),
        addressDoubts: await doubtsAboutIpv6(store, selection, flags, ipv6Subnet),
      },
      flags,
    );
  });
}

/** @throws InvalidValueError */
function parseMaxAffected(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidValueError(
    `--max-affected: ${shownValue(text)} is not a number of sessions`,
    'Write a whole number, such as --max-affected 500.',
  );
}
