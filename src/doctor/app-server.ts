import { ConnectionError, UsageError } from '../errors.ts';
import { isLoopback } from './configuration-checks.ts';
import { parseSetCookie, type SetCookie } from './set-cookie.ts';

/** The running application's answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly cookies: readonly SetCookie[];
  /** `name=value` of the cookies that were set, to send them back. Never shown. */
  readonly jar: readonly string[];
  readonly body: string;
}

export interface Question {
  readonly method?: 'GET' | 'POST';
  /** The `Cookie` header. */
  readonly cookie?: string | null;
}

/** The endpoints of Better Auth in a running application. */
export interface AppServer {
  /** The address of the endpoints, safe to print. */
  readonly place: string;
  readonly isHttps: boolean;
  /** The request does not leave this machine. */
  readonly isLoopback: boolean;
  /**
   * @param path after Better Auth's own base path, such as `/get-session`
   * @throws ConnectionError where there is no answer in time, or it is too long
   */
  ask(path: string, question?: Question): Promise<Answer>;
}

/** Milliseconds. */
const TIME_LIMIT = 10_000;
/** Bytes; a session with its user has a few thousand. */
const LONGEST_ANSWER = 256 * 1024;
/** Redirects that are followed without a cookie, such as from http to https. */
const MOST_REDIRECTS = 3;
/** Better Auth's own `basePath`. */
const BASE_PATH = '/api/auth';

/**
 * @param url of the application, or of Better Auth's endpoints if they are not at `/api/auth`
 * @throws UsageError for anything but an http or https URL without a password
 */
export function appServer(url: string, signal: AbortSignal): AppServer {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new UsageError('--app-url is not an http:// or https:// URL', {
      hint: 'Give the address of the application, such as https://app.example.com',
    });
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '')
    throw new UsageError('--app-url takes no password, no query and no fragment', {
      hint: 'Give only the address, such as https://app.example.com/api/auth',
    });
  const path = parsed.pathname.replace(/\/+$/, '');
  const base = `${parsed.origin}${path === '' ? BASE_PATH : path}`;
  return {
    place: base,
    isHttps: parsed.protocol === 'https:',
    isLoopback: isLoopback(parsed.hostname),

    async ask(endpoint, { method = 'GET', cookie = null } = {}) {
      let target = new URL(`${base}${endpoint}`);
      for (let redirects = 0; ; redirects += 1) {
        const response = await answerOf(target, method, cookie, signal);
        const location = response.headers.get('location');
        if (response.status < 300 || response.status > 399 || location === null)
          return read(response, target);
        await response.body?.cancel();
        const next = URL.canParse(location, target.href) ? new URL(location, target) : null;
        // A cookie is sent only to the given address, and a POST is not repeated.
        if (
          next?.hostname !== target.hostname ||
          cookie !== null ||
          method === 'POST' ||
          redirects >= MOST_REDIRECTS
        )
          throw new ConnectionError(`${base} redirects to ${next === null ? 'no URL' : next.origin}`, {
            hint: 'Give the address at which the application is served as --app-url.',
          });
        target = next;
      }
    },
  };
}

async function answerOf(
  target: URL,
  method: 'GET' | 'POST',
  cookie: string | null,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(target, {
      method,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT)]),
      headers: {
        accept: 'application/json',
        'user-agent': 'sessionctl doctor',
        ...(cookie === null ? {} : { cookie }),
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      },
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
  } catch (error) {
    throw refused(target, error);
  }
}

async function read(response: Response, target: URL): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array;
      size += bytes.length;
      if (size > LONGEST_ANSWER)
        throw new ConnectionError(
          `${target.origin} answers with more than ${String(LONGEST_ANSWER / 1024)} KB`,
          {
            hint: 'The server there is not Better Auth. Check --app-url.',
          },
        );
      chunks.push(bytes);
    }
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    throw refused(target, error);
  }
  const set = response.headers.getSetCookie();
  return {
    status: response.status,
    headers: response.headers,
    cookies: set.map(parseSetCookie),
    jar: set.flatMap((header) => header.split(';', 1)),
    body: new TextDecoder().decode(Buffer.concat(chunks)),
  };
}

function refused(target: URL, error: unknown): ConnectionError {
  const isLate = error instanceof DOMException && error.name === 'TimeoutError';
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = isLate
    ? `no answer within ${String(TIME_LIMIT / 1000)}s`
    : code === 'ECONNREFUSED'
      ? 'no server listens there'
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? 'there is no such host'
        : /CERT|TLS|SSL|SELF_SIGNED|ALTNAME/i.test(code)
          ? `its certificate is not accepted (${code})`
          : code === ''
            ? 'the connection failed'
            : `the connection failed (${code})`;
  return new ConnectionError(`cannot ask ${target.origin}: ${reason}`, {
    hint: 'Check --app-url, and that the application runs.',
  });
}
