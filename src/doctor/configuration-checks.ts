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
  /** The place of the history, and its problems. */
  readonly history: () => Promise<{
    readonly path: string;
    readonly records: number;
    readonly problems: readonly string[];
  }>;
}

/** Milliseconds. Better Auth's own default is five minutes. */
const LONG_CACHE = 15 * 60_000;
/**
 * better-auth 1.7.25, `utils/constants` and `context/create-context`: the secrets that it warns about, and refuses in
 * production.
 */
const DEFAULT_SECRET = 'better-auth-secret-12345678901234567890';
const SHORTEST_SECRET = 32;
const LEAST_ENTROPY = 120;

const NEW_SECRET = '# a new BETTER_AUTH_SECRET: all users have to sign in again\nopenssl rand -base64 32';

/** Checks whether the configuration is safe and agrees with the application's, as far as a configuration shows it. */
export function* configurationChecks(subject: ConfigurationSubject): Generator<Check> {
  const { file, session, auth, profile } = subject;
  const section = `[profiles.${profile ?? 'production'}`;
  yield {
    id: 'config-permissions',
    explanation:
      'With a password or the secret in the configuration, its reader can act as any user. A user who can write it can run commands.',
    carryOut: () => {
      if (file === null)
        return ok('no configuration file is in use; create one with `sessionctl config init`');
      if (file.otherWriters !== null)
        return fail(`${file.path} ${file.otherWriters}`, command(`chmod go-w ${shellWord(file.path)}`));
      return file.exposesSecret
        ? fail(
            `${file.path} contains a secret and others can read it`,
            command(`chmod 600 ${shellWord(file.path)}`),
          )
        : ok(`${file.path} exposes no secret to others`);
    },
  };
  yield {
    id: 'cookie-cache',
    explanation:
      'With cookieCache the application accepts a browser’s signed copy of a session until it expires, so a revocation takes that long to take effect.',
    carryOut: () => {
      const { enabled, maxAge } = session.cookieCache;
      const longest = formatDuration(longestCopy(session.cookieCache));
      if (!enabled)
        return ok(
          `none is configured here: unless the application has one, a revocation takes effect at once${file === null ? '; `sessionctl config init` reads it from your auth.ts' : ''}`,
        );
      return maxAge > LONG_CACHE
        ? warn(
            `a revocation takes up to ${longest} to take effect`,
            toml(
              `# once the application has session.cookieCache.maxAge 300\n${section}.session]\ncookie_cache = { enabled = true, max_age = "5m" }`,
            ),
          )
        : ok(`a revocation takes up to ${longest} to take effect`);
    },
  };
  yield {
    id: 'session-lengths',
    explanation:
      'If update_age is longer than expires_in, no session is ever refreshed: all of them expire, even in use.',
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
      'The secret signs every session cookie. An attacker who guesses it can sign cookies, and with the cookie cache act as any user.',
    carryOut: () => judgeSecret(auth.secret, section),
  };
  yield {
    id: 'base-url',
    explanation:
      'Better Auth sets Secure and the prefix __Secure- on its cookies where the base URL is https. Over http an attacker on the network can take over a session.',
    carryOut: () => judgeBaseUrl(auth.baseUrl, section),
  };
  yield {
    id: 'history-intact',
    explanation:
      'The history records who ended which sessions and when. Each record contains the hash of the one before.',
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
      'the secret is not configured, so it cannot be checked',
      toml(`${section}.auth]\nsecret = "\${BETTER_AUTH_SECRET}"`),
    );
  if (secret === DEFAULT_SECRET) return fail('it is the default one, which is public', command(NEW_SECRET));
  if (secret.length < SHORTEST_SECRET)
    return fail(
      `it has ${String(secret.length)} characters; the minimum is ${String(SHORTEST_SECRET)}`,
      command(NEW_SECRET),
    );
  // The same estimate as Better Auth's.
  const entropy = secret.length * Math.log2(new Set(secret).size);
  return entropy < LEAST_ENTROPY
    ? warn('it has few different characters, and can be guessed', command(NEW_SECRET))
    : ok('long enough, and not the default one');
}

function judgeBaseUrl(baseUrl: string | null, section: string): Verdict {
  const remedy = toml(`# the application's baseURL\n${section}.auth]\nbase_url = "https://app.example.com"`);
  if (baseUrl === null) return unknown('the base URL is not configured, so it cannot be checked', remedy);
  if (!URL.canParse(baseUrl)) return fail('it is not a URL', remedy);
  const { protocol, hostname, host } = new URL(baseUrl);
  if (protocol === 'https:') return ok(`https, at ${host}`);
  if (isLoopback(hostname)) return ok(`${host} is this machine`);
  return fail(`${host} uses ${protocol.slice(0, -1)}: cookies are sent unencrypted`, remedy);
}

/** Whether a host is this machine, by the rules of browsers: requests to it cross no network. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
}
