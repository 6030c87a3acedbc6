import type { CookieNames } from './cookie-names.ts';
import { decodedOnce, type Cookie, type Reading } from './credential.ts';
import type { ResolvedCredential, ResolvedItem } from './pasted.ts';

/** A credential as a client would send it. */
export interface PresentedToken extends Reading {
  /** Name of the cookie; null for a bare value, or a value in another header. */
  readonly cookie: string | null;
  /** In a header `Authorization: Bearer`, which Better Auth reads only with its bearer plugin. */
  readonly bearer: boolean;
}

/** What a browser would send. */
export interface Presented {
  /** Null where there is none, for example in a header with only a cached copy. */
  readonly token: PresentedToken | null;
  /** The cached copy (`session_data`), joined from its pieces; null where there is none. */
  readonly cache: string | null;
}

export interface PlacedPresented {
  readonly place: string;
  /** Null for text that was not recognised. */
  readonly presented: Presented | null;
  /** It comes beside the cookie that a server reads: from another session of the same browser. */
  readonly isBeside: boolean;
}

const TOKEN_COOKIE = /(?:^|[.\-_])session_token$/;

/**
 * The credentials that a paste presents: each token once, in the order of the paste.
 * @param names of the deployment's cookies; null where they are not known. Of several in one header, the cookie with
 * that name counts
 */
export function presentedIn(
  items: readonly ResolvedItem[],
  names: CookieNames | null,
): readonly PlacedPresented[] {
  const copies = items.flatMap((item) => item.copies);
  const all = items.flatMap((item): readonly PlacedPresented[] => {
    const { place, credentials, isMalformed } = item;
    if (isMalformed) return [{ place, presented: null, isBeside: false }];
    const sent = sentOf(credentials, names);
    const cache = joinedCache(item.copies.length > 0 ? item.copies : copies, names);
    return credentials.map((one) => {
      const { cookie, bearer, reading } = one;
      return {
        place,
        presented: { token: { cookie, bearer, ...reading }, cache },
        isBeside: !sent.includes(one),
      };
    });
  });
  const isEmpty = all.every(({ presented }) => presented === null);
  const [first] = items;
  if (isEmpty && copies.length > 0 && first !== undefined)
    return [
      { place: first.place, presented: { token: null, cache: joinedCache(copies, names) }, isBeside: false },
    ];
  return eachTokenOnce(all);
}

/** The cookies of one header that a server reads: of two with one name, the first. */
function sentOf(
  credentials: readonly ResolvedCredential[],
  names: CookieNames | null,
): readonly ResolvedCredential[] {
  const ofSession = credentials.filter(({ cookie }) => cookie !== null && TOKEN_COOKIE.test(cookie));
  const named = ofSession.filter(({ cookie }) => cookie === names?.sessionToken);
  const [sent] = [named, ofSession].filter(({ length }) => length > 0);
  return (
    sent?.filter(({ cookie }, at) => sent.findIndex((other) => other.cookie === cookie) === at) ?? credentials
  );
}

/** For a token found several times, the place with its signature counts, and one where a server reads it. */
function eachTokenOnce(all: readonly PlacedPresented[]): readonly PlacedPresented[] {
  const best = new Map<string, PlacedPresented>();
  const rank = ({ presented, isBeside }: PlacedPresented) =>
    (isBeside ? 0 : 2) + ((presented?.token?.signature ?? null) === null ? 0 : 1);
  for (const one of all) {
    const key = one.presented?.token?.token ?? `malformed ${one.place}`;
    const other = best.get(key);
    if (other === undefined || rank(one) > rank(other)) best.set(key, one);
  }
  return [...best.values()];
}

/** Of several cached copies, the one with the deployment's own name, its pieces in order. */
function joinedCache(copies: readonly Cookie[], names: CookieNames | null): string | null {
  const found = copies.map(({ name, value }) => {
    const [, base = '', piece] = /^(.*?)(?:\.(\d+))?$/s.exec(name) ?? [];
    return { base, piece: piece === undefined ? null : Number(piece), value: decodedOnce(value) };
  });
  const base = found.find((each) => each.base === names?.sessionData)?.base ?? found[0]?.base;
  const own = found.filter((each) => each.base === base);
  const whole = own.find(({ piece }) => piece === null);
  if (whole !== undefined) return whole.value;
  const pieces = own.sort((one, other) => (one.piece ?? 0) - (other.piece ?? 0));
  return pieces.length === 0 ? null : pieces.map(({ value }) => value).join('');
}
