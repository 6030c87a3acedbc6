import { shellWord } from '../shell-word.ts';
import type { AuthSettings, SessionSettings } from '../config/settings.ts';
import { longestCopy } from '../sessions/cached-copy.ts';
import { formatDuration } from '../sessions/duration.ts';
import { command, fail, ok, toml, unknown, warn, type Check, type Verdict } from './finding.ts';

export interface ConfigurationSubject {
  readonly profile: string | null;
  /** The configuration file in use, if any. */
  readonly file: {
    readonly path: string;
    readonly exposesSecret: boolean;
    readonly otherWriters: string | null;
  } | null;
  readonly session: SessionSettings;
  readonly auth: AuthSettings;
  /** Where the history stands and what is wrong with it. */
  readonly history: () => Promise<{
    readonly path: string;
    readonly records: number;
    readonly problems: readonly string[];
  }>;
}

/** Milliseconds. Better Auth's own default is five minutes. */
const LONG_CACHE = 15 * 60_000;
/** better-auth 1.7.25, `utils/constants` and `context/create-context`: what it warns of, and refuses in production. */
const DEFAULT_SECRET = 'better-auth-secret-12345678901234567890';
const SHORTEST_SECRET = 32;
const LEAST_ENTROPY = 120;

const NEW_SECRET = '# a new BETTER_AUTH_SECRET: everybody has to sign in again\nopenssl rand -base64 32';

/** Whether what is configured is safe, and as the application has it, as far as a configuration tells. */
export function* configurationChecks(subject: ConfigurationSubject): Generator<Check> {
  const { file, session, auth, profile } = subject;
  const section = `[profiles.${profile ?? 'production'}`;
  yield {
    id: 'config-permissions',
    explanation:
      'A password or the secret in the configuration makes its reader any user; a writer can have commands run.',
    carryOut: () => {
      if (file === null) return ok('no configuration file is in use; `sessionctl config init` writes one');
      if (file.otherWriters !== null)
        return fail(`${file.path} ${file.otherWriters}`, command(`chmod go-w ${shellWord(file.path)}`));
      return file.exposesSecret
        ? fail(
            `${file.path} holds a secret and others can read it`,
            command(`chmod 600 ${shellWord(file.path)}`),
          )
        : ok(`${file.path} shows no secret to others`);
    },
  };
  yield {
    id: 'cookie-cache',
    explanation:
      'With cookieCache a browser’s signed copy of a session is believed until it runs out, so a revocation takes that long to bite.',
    carryOut: () => {
      const { enabled, maxAge } = session.cookieCache;
      const longest = formatDuration(longestCopy(session.cookieCache));
      if (!enabled)
        return ok(
          `none is configured here: unless the application has one, a revocation holds at once${file === null ? '; `sessionctl config init` reads that from your auth.ts' : ''}`,
        );
      return maxAge > LONG_CACHE
        ? warn(
            `a revocation takes up to ${longest} to bite`,
            toml(
              `# once the application has session.cookieCache.maxAge 300\n${section}.session]\ncookie_cache = { enabled = true, max_age = "5m" }`,
            ),
          )
        : ok(`a revocation takes up to ${longest} to bite`);
    },
  };
  yield {
    id: 'session-lengths',
    explanation:
      'Where update_age is longer than expires_in, no session is ever refreshed: all end however they are used.',
    carryOut: () =>
      session.updateAge >= session.expiresIn
        ? warn(
            `update_age, ${formatDuration(session.updateAge)}, is not below expires_in, ${formatDuration(session.expiresIn)}`,
            toml(`${section}.session]\nexpires_in = "7d"\nupdate_age = "1d"`),
          )
        : ok(`${formatDuration(session.expiresIn)}, refreshed after ${formatDuration(session.updateAge)}`),
  };
  yield {
    id: 'auth-secret',
    explanation:
      'The secret signs every session cookie. Whoever guesses it can sign cookies of their own, and with the cookie cache be anybody.',
    carryOut: () => judgeSecret(auth.secret, section),
  };
  yield {
    id: 'base-url',
    explanation:
      'Better Auth sets Secure and the prefix __Secure- on its cookies where the base URL is https; over http anybody on the way can take a session over.',
    carryOut: () => judgeBaseUrl(auth.baseUrl, section),
  };
  yield {
    id: 'history-intact',
    explanation: 'The history says who ended what and when. Each record carries the hash of the one before.',
    carryOut: async () => {
      const { path, records, problems } = await subject.history();
      const [first] = problems;
      if (first !== undefined)
        return fail(
          `${path} is broken: ${first}${problems.length > 1 ? `, and ${String(problems.length - 1)} more` : ''}`,
          command('sessionctl history --verify'),
        );
      return ok(records === 0 ? `${path} has no record yet` : `${String(records)} records, unbroken`);
    },
  };
}

function judgeSecret(secret: string | null, section: string): Verdict {
  if (secret === null)
    return unknown(
      'the secret is not configured, so that it cannot be judged',
      toml(`${section}.auth]\nsecret = "\${BETTER_AUTH_SECRET}"`),
    );
  if (secret === DEFAULT_SECRET)
    return fail('it is the default one, which everybody knows', command(NEW_SECRET));
  if (secret.length < SHORTEST_SECRET)
    return fail(
      `it has ${String(secret.length)} characters, and ${String(SHORTEST_SECRET)} are the least`,
      command(NEW_SECRET),
    );
  // As Better Auth estimates it.
  const entropy = secret.length * Math.log2(new Set(secret).size);
  return entropy < LEAST_ENTROPY
    ? warn('it repeats few characters, and can be guessed', command(NEW_SECRET))
    : ok('long enough, and not the default one');
}

function judgeBaseUrl(baseUrl: string | null, section: string): Verdict {
  const remedy = toml(
    `# as baseURL of the application\n${section}.auth]\nbase_url = "https://app.example.com"`,
  );
  if (baseUrl === null) return unknown('the base URL is not configured, so that it cannot be judged', remedy);
  if (!URL.canParse(baseUrl)) return fail('it is no URL', remedy);
  const { protocol, hostname, host } = new URL(baseUrl);
  if (protocol === 'https:') return ok(`https, at ${host}`);
  if (isLoopback(hostname)) return ok(`${host} is this machine`);
  return fail(`${host} is served by ${protocol.slice(0, -1)}: cookies travel in the clear`, remedy);
}

/** Whether a host is this machine, as browsers have it: what is sent to it crosses no network. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
}
