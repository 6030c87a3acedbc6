import { shellWord } from '../shell-word.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuthSettings, SessionSettings } from '../config/settings.ts';
import { formatDuration } from '../sessions/duration.ts';
import type { Answer, AppServer } from './app-server.ts';
import { reasonOf } from './carry-out-checks.ts';
import { command, fail, ok, toml, typescript, unknown, warn, type Check, type Verdict } from './finding.ts';
import { roughly } from './session-checks.ts';
import type { SetCookie } from './set-cookie.ts';

export interface AppSubject {
  readonly server: AppServer;
  readonly profile: string | null;
  readonly session: SessionSettings;
  readonly auth: AuthSettings;
  /** A `Cookie` header of some session; null where none was given. Never shown. */
  readonly cookie: string | null;
  /** The local clock, in milliseconds since 1970. */
  readonly clock: () => number;
}

const DEFAULT_PREFIX = 'better-auth';
const SESSION_COOKIE = 'session_token';
const CACHE_COOKIE = 'session_data';
/** Words with which common caches state that they answered themselves. */
const CACHE_HEADERS = [
  'x-cache', 'cf-cache-status', 'x-vercel-cache', 'x-nextjs-cache', 'x-proxy-cache', 'x-cache-status', 'cache-status',
] as const; // prettier-ignore
/** Milliseconds after which the application's own answer has a new date. */
const NEXT_SECOND = 1100;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/**
 * Checks a running application. Without a cookie no session begins or ends: `POST /sign-out` without a session answers
 * with the cookies that it would delete, including their attributes (better-auth 1.7.25, `deleteSessionCookie`).
 */
export function* appChecks(subject: AppSubject): Generator<Check> {
  const { server, auth, profile } = subject;
  const anonymous = once(() => askSession(server, ''));
  const sessionCookie = once(async () => {
    const { status, cookies } = await server.ask('/sign-out', { method: 'POST' });
    return { status, cookie: cookies.find(({ name }) => isCookie(name, SESSION_COOKIE)) ?? null };
  });
  /** Whether Better Auth answers at all. If it does not, it is not asked, and waited for, again. */
  const isThere = once(() =>
    anonymous().then(
      ({ status, body }) => status === 200 && isSessionAnswer(body),
      () => false,
    ),
  );
  const whereItAnswers = (judge: () => Promise<Verdict>) => async () =>
    (await isThere()) ? judge() : unknown('not known: Better Auth does not answer there');
  /** Judges the cookie, or explains why it is not known. */
  const ofCookie = (judge: (cookie: SetCookie) => Verdict) => async () => {
    if (!(await isThere())) return unknown('not known: Better Auth does not answer there');
    const { status, cookie } = await sessionCookie();
    return cookie === null
      ? unknown(`not known: sign-out answered ${String(status)} and deleted no session cookie`)
      : judge(cookie);
  };

  yield {
    id: 'app-reachable',
    explanation: 'The application’s cookies can be checked only if it answers.',
    carryOut: async () => {
      try {
        const { status } = await anonymous();
        return (await isThere())
          ? ok(`Better Auth answers at ${server.place}`)
          : fail(
              `${server.place}/get-session answers ${String(status)}, unlike Better Auth`,
              command(
                `# with the basePath of the application\nsessionctl doctor --app-url ${shellWord(new URL('/auth', server.place).href)}`,
              ),
            );
      } catch (error) {
        return fail(reasonOf(error));
      }
    },
  };
  yield {
    id: 'app-cookie-httponly',
    explanation:
      'Without HttpOnly, a script injected into the page can read the session and send it elsewhere.',
    carryOut: ofCookie(({ httpOnly, name }) =>
      httpOnly
        ? ok(`${name} is HttpOnly`)
        : fail(
            `${name} lacks HttpOnly`,
            typescript('advanced: { defaultCookieAttributes: { httpOnly: true } },'),
          ),
    ),
  };
  yield {
    id: 'app-cookie-secure',
    explanation:
      'Without Secure, a browser also sends the cookie over http, where an attacker on the network can steal it.',
    carryOut: ofCookie(({ secure, name }) => {
      if (secure) return ok(`${name} is Secure`);
      if (!server.isHttps && server.isLoopback) return ok(`${name} is not Secure, on this machine itself`);
      return fail(
        `${name} lacks Secure`,
        typescript(
          "baseURL: 'https://app.example.com',   // or, behind a proxy that ends TLS:\nadvanced: { useSecureCookies: true },",
        ),
      );
    }),
  };
  yield {
    id: 'app-cookie-samesite',
    explanation:
      'SameSite=Lax keeps other sites from sending requests in the name of the signed-in user. None is for applications embedded in other sites.',
    carryOut: ofCookie(({ sameSite, secure, name }) => {
      const remedy = typescript("advanced: { defaultCookieAttributes: { sameSite: 'lax' } },");
      if (sameSite === 'lax' || sameSite === 'strict') return ok(`${name} is SameSite=${sameSite}`);
      if (sameSite === 'none' && secure)
        return warn(`${name} is SameSite=none: other sites may send requests in the user's name`, remedy);
      return fail(
        sameSite === null
          ? `${name} lacks SameSite`
          : `${name} is SameSite=${sameSite} without Secure: browsers drop it`,
        remedy,
      );
    }),
  };
  yield {
    id: 'app-cookie-prefix',
    explanation:
      'The name decides which cookie is read, so sessionctl must know it. __Secure- keeps an attacker from planting one over http.',
    carryOut: ofCookie(({ name }) => {
      const expected = auth.cookiePrefix ?? DEFAULT_PREFIX;
      const [, guard = '', prefix = ''] = /^(__Secure-|__Host-)?(.*?)[.-]?session_token$/.exec(name) ?? [];
      if (prefix !== expected)
        return fail(
          `the application's cookie is ${name}, but cookie_prefix is ${JSON.stringify(expected)}`,
          toml(`[profiles.${profile ?? 'production'}.auth]\ncookie_prefix = ${JSON.stringify(prefix)}`),
        );
      return guard === '' && server.isHttps
        ? warn(`${name} has no __Secure- prefix`, typescript('advanced: { useSecureCookies: true },'))
        : ok(name);
    }),
  };
  yield {
    id: 'app-cookie-lifetime',
    explanation:
      'sessionctl reports lifetimes and refreshes correctly only if expires_in has the application’s value.',
    carryOut: whereItAnswers(() => judgeLifetime(subject)),
  };
  yield {
    id: 'app-answer-cache',
    explanation:
      'If a proxy or CDN answers for the session endpoint, users get sessions that have ended, or another user’s.',
    carryOut: whereItAnswers(async () => judgeAnswers(server, await anonymous())),
  };
  yield {
    id: 'app-cookie-cache',
    explanation:
      'With cookieCache the application answers from a signed copy in the browser, and a revocation takes effect when the copy expires. sessionctl’s effectiveAt is right only if cookie_cache has the application’s values.',
    carryOut: whereItAnswers(() => judgeCookieCache(subject)),
  };
}

/** Whether a cookie is of this kind, with any prefix. */
function isCookie(name: string, kind: string): boolean {
  return name === kind || name.endsWith(`.${kind}`) || name.endsWith(`-${kind}`);
}

function askSession(server: AppServer, query: string, cookie: string | null = null): Promise<Answer> {
  // Do not refresh the session.
  return server.ask(`/get-session?disableRefresh=true${query}`, { cookie });
}

function isSessionAnswer(body: string): boolean {
  const answer = parsed(body);
  return answer === null || (typeof answer === 'object' && 'session' in answer);
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

async function judgeAnswers(server: AppServer, first: Answer): Promise<Verdict> {
  await sleep(NEXT_SECOND);
  const again = await askSession(server, '');
  const other = await askSession(server, `&sessionctl=${String(Math.trunc(performance.now()))}`);
  const remedy = typescript(
    '// at the proxy or CDN, for every path below /api/auth: pass the request on, and store no answer\n// nginx: proxy_cache off;   Cloudflare: a cache rule "Bypass cache"',
  );
  for (const answer of [again, other]) {
    const evidence = servedFromCache(answer);
    if (evidence !== null) return fail(`a cache answers instead of the application (${evidence})`, remedy);
  }
  const date = again.headers.get('date');
  if (date !== null && date === first.headers.get('date'))
    return fail(`a cache answers instead of the application (two answers with the date ${date})`, remedy);
  const control = (again.headers.get('cache-control') ?? '').toLowerCase();
  if (/\bno-store\b|\bprivate\b/.test(control)) return ok(`no cache answers (Cache-Control: ${control})`);
  const said = control === '' ? 'does not mention caching' : `has Cache-Control: ${control.slice(0, 60)}`;
  return /\bpublic\b|\bs-maxage\b/.test(control)
    ? fail(`the session endpoint ${said}: any cache may keep it`, remedy)
    : warn(`the session endpoint ${said}, not no-store as from Better Auth`, remedy);
}

function servedFromCache({ headers }: Answer): string | null {
  const age = Number(headers.get('age') ?? 0);
  if (age > 0) return `Age: ${String(age)}`;
  for (const name of CACHE_HEADERS) {
    const value = headers.get(name);
    if (value !== null && /\bhit\b|\bstale\b|\brevalidated\b/i.test(value))
      return `${name}: ${value.slice(0, 40)}`;
  }
  return null;
}

/** The times in an answer about a session, in milliseconds since 1970. */
interface SessionTimes {
  readonly expiresAt: number;
  readonly updatedAt: number;
}

async function timesOf({ server, cookie }: AppSubject): Promise<SessionTimes | Verdict> {
  if (cookie === null)
    return unknown(
      'not known without the cookie of a session',
      command(`sessionctl doctor --app-url ${shellWord(server.place)} --cookie-stdin < cookie.txt`),
    );
  const { status, body } = await askSession(server, '&disableCookieCache=true', cookie);
  const answer = parsed(body) as { readonly session?: Readonly<Record<string, unknown>> } | null | undefined;
  const [expiresAt, updatedAt] = ['expiresAt', 'updatedAt'].map((name) =>
    Date.parse(String(answer?.session?.[name])),
  );
  if (
    expiresAt === undefined ||
    updatedAt === undefined ||
    Number.isNaN(expiresAt) ||
    Number.isNaN(updatedAt)
  )
    return unknown(
      `not known: the application does not accept the cookie as a session's (it answered ${String(status)})`,
    );
  return { expiresAt, updatedAt };
}

async function judgeLifetime(subject: AppSubject): Promise<Verdict> {
  const times = await timesOf(subject);
  if ('status' in times) return times;
  const { expiresIn } = subject.session;
  const length = times.expiresAt - times.updatedAt;
  // The two times are taken one after the other.
  if (Math.abs(length - expiresIn) < HOUR / 60) return ok(`${roughly(length)}, the same as expires_in`);
  if (Math.abs(length - DAY) < HOUR / 60 && expiresIn > DAY)
    return ok('1d, as without "remember me"; expires_in cannot be compared with it');
  return warn(
    `the session lasts ${roughly(length)}, but expires_in is ${formatDuration(expiresIn)}`,
    toml(
      `# if this is the application's session.expiresIn\n[profiles.${subject.profile ?? 'production'}.session]\nexpires_in = "${formatDuration(Math.round(length / 60_000) * 60_000)}"`,
    ),
  );
}

async function judgeCookieCache(subject: AppSubject): Promise<Verdict> {
  const { server, session, cookie, clock, profile } = subject;
  const times = await timesOf(subject);
  if ('status' in times) return times;
  // Without `disableRefresh`, which also suppresses the copy, a session that is due would be refreshed.
  if (clock() - times.updatedAt >= Math.min(session.updateAge, DAY) - HOUR)
    return unknown('not known: the request would refresh this session; give the cookie of a newer one');
  const alone = (cookie ?? '')
    .split(/;\s*/)
    .filter((pair) => !isCookie((pair.split('=', 1)[0] ?? '').replace(/\.\d+$/, ''), CACHE_COOKIE))
    .join('; ');
  const first = await server.ask('/get-session', { cookie: alone });
  const copies = first.cookies.filter(
    ({ name, isEmpty }) => isCookie(name.replace(/\.\d+$/, ''), CACHE_COOKIE) && !isEmpty,
  );
  const { enabled, maxAge } = session.cookieCache;
  const [copy] = copies;
  if (copy === undefined)
    return enabled
      ? warn(
          'the application sets no copy, but cookie_cache is enabled here: revocations take effect earlier than sessionctl reports',
          cacheSetting(profile, null),
        )
      : ok('off, the same as cookie_cache');
  const second = await server.ask('/get-session', { cookie: [alone, ...first.jar].join('; ') });
  const isAnswered = !second.cookies.some(
    ({ name, isEmpty }) => isCookie(name.replace(/\.\d+$/, ''), CACHE_COOKIE) && !isEmpty,
  );
  const life = (copy.maxAge ?? 0) * 1000;
  const measured = isAnswered ? 'and answers from it' : 'and does not answer from it';
  if (!enabled || Math.abs(life - maxAge) >= 1000)
    return fail(
      `the application sets a copy for ${copy.maxAge === null ? 'as long as the browser runs' : formatDuration(life)} ${measured}, but cookie_cache is ${enabled ? formatDuration(maxAge) : 'off'} here: revocations take effect later than sessionctl reports`,
      cacheSetting(profile, life),
    );
  return ok(`the application sets a copy for ${formatDuration(life)} ${measured}, the same as cookie_cache`);
}

function cacheSetting(profile: string | null, life: number | null) {
  const value =
    life === null ? '{ enabled = false }' : `{ enabled = true, max_age = "${formatDuration(life)}" }`;
  return toml(`[profiles.${profile ?? 'production'}.session]\ncookie_cache = ${value}`);
}

function once<Value>(work: () => Promise<Value>): () => Promise<Value> {
  let result: Promise<Value> | undefined;
  return () => (result ??= work());
}
