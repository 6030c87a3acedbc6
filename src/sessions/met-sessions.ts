import { everySession, type Selection } from './selection.ts';
import type { SessionStore } from './session-store.ts';
import type { Survey } from './ending-store.ts';

/** The totals for the sessions of a revocation. */
export interface Met extends Pick<Survey, 'active' | 'oauthTokens' | 'apiKeys'> {
  /** Null where more sessions arrived after a plan that was too large to remember its users. */
  readonly users: number | null;
}

interface Counted {
  readonly selection: Selection;
  readonly survey: Survey;
}

/** Adds up the totals for one plan after the other, each user once. */
export async function startMeeting(store: SessionStore, plan: Counted, untilQuiet: boolean) {
  const idsOf = ({ selection }: Counted) => selection.sessionIds;
  const usersOf = async (ids: readonly string[]) => {
    const users = new Set<string>();
    for await (const chunk of store.list({ ...everySession, sessionIds: ids }, { sort: null }))
      for (const { userId } of chunk) if (userId !== null) users.add(userId);
    return users;
  };
  const ids = idsOf(plan);
  let known = untilQuiet && ids !== null ? await usersOf(ids) : null;
  let met: Met = plan.survey;
  return {
    met: () => met,
    async add(next: Counted): Promise<void> {
      const { survey, selection } = next;
      const more = idsOf(next);
      const others = known === null || more === null ? null : await usersOf(more);
      const newcomers =
        known === null || others === null
          ? null
          : await store.survey({ ...selection, exceptUserIds: [...selection.exceptUserIds, ...known] });
      const apiKeys = newcomers?.apiKeys ?? null;
      known = known === null || others === null ? null : new Set([...known, ...others]);
      met = {
        users: known?.size ?? null,
        active: met.active + survey.active,
        oauthTokens:
          met.oauthTokens === null || survey.oauthTokens === null
            ? null
            : {
                bound: met.oauthTokens.bound + survey.oauthTokens.bound,
                offline: met.oauthTokens.offline + survey.oauthTokens.offline,
              },
        apiKeys: met.apiKeys === null || apiKeys === null ? null : met.apiKeys + apiKeys,
      };
    },
  };
}
