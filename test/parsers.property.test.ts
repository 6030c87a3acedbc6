import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAuthFile } from '../src/config/auth-file/read-auth-file.ts';
import { readRedisUrl } from '../src/config/redis-url.ts';
import { parseTomlDocument } from '../src/config/toml-document.ts';
import { maskPasswords } from '../src/config/url-secrets.ts';
import { SessionctlError } from '../src/errors.ts';
import { followChain, splitLines } from '../src/history/history-chain.ts';
import { addressKey, parseAddressRange, rangeHolds } from '../src/sessions/address.ts';
import { readCachedCookie } from '../src/sessions/cookie-cache.ts';
import { looksLikeCredential, readText } from '../src/sessions/credential.ts';
import { parseDuration } from '../src/sessions/duration.ts';
import type { Instant } from '../src/sessions/instant.ts';
import { InvalidValueError } from '../src/sessions/invalid-value.ts';
import { parseMoment, resolveMoment } from '../src/sessions/moment.ts';
import { readPaste } from '../src/sessions/pasted.ts';
import { readStoredAddress } from '../src/sessions/stored-address.ts';
import { parseDatabaseUrl } from '../src/store/database/connect/database-url.ts';
import { readCachedSession, readIndex } from '../src/store/redis/cached-session.ts';
import { temporaryDirectory } from './config/temporary-directory.ts';
import { hostileText } from './output/hostile.ts';

/** Ten thousand inputs for each parser in the full run. */
const numRuns = process.env['SESSIONCTL_TEST_ROUNDS'] === undefined ? 100 : 10_000;
const SECRET = 's3cret-of-s0mebody';
const now = '2026-11-23T14:00:00.000Z' as Instant;

/** Texts made of these pieces, each perhaps a great many times, and of anything else. */
function made(...pieces: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.constantFrom(...pieces);
  const many = fc.tuple(piece, fc.integer({ min: 2, max: 3000 })).map(([text, times]) => text.repeat(times));
  const part = fc.oneof({ weight: 6, arbitrary: piece }, { weight: 2, arbitrary: hostileText }, many);
  return fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
}

/** What the parser makes of a text, or its refusal. Anything else that it throws is a fault. */
function answerOf<Result>(parse: () => Result): Result | Error {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidValueError || error instanceof SessionctlError) return error;
    throw error;
  }
}

const saidOf = (answer: unknown) =>
  answer instanceof InvalidValueError || answer instanceof SessionctlError
    ? `${answer.message} ${String(answer.hint)}`
    : '';

function holds<Input>(input: fc.Arbitrary<Input>, property: (input: Input) => void): void {
  fc.assert(fc.property(input, property), { numRuns });
}

const asyncHolds = <Input>(input: fc.Arbitrary<Input>, property: (input: Input) => Promise<void>) =>
  fc.assert(fc.asyncProperty(input, property), { numRuns });

// Ten thousand of some take more than the two minutes that a test has.
describe('any text is refused or read', { timeout: 900_000 }, () => {
  it('as a URL, of which no secret is repeated', () => {
    const rest = made('@', 'db.invalid', ':', '/', '?', '#', '&', '=', ',', ';', '[', ']', '%', '%40', ' ', '"', 'sslmode=require', 'password=', '5432', 'app', 'host='); // prettier-ignore
    const scheme = fc.constantFrom('postgres', 'mysql', 'mariadb', 'redis', 'rediss', 'libsql', 'http');
    holds(fc.tuple(scheme, rest), ([name, end]) => {
      const url = `${name}://ada:${SECRET}${end}`;
      const read = answerOf(() => parseDatabaseUrl(url, '/'));
      expect(saidOf(read)).not.toContain(SECRET);
      expect(saidOf(answerOf(() => readRedisUrl(url)))).not.toContain(SECRET);
      expect(maskPasswords(url)).not.toContain(SECRET);
    });
    expect(answerOf(() => parseDatabaseUrl('file:///%', '/'))).toBeInstanceOf(SessionctlError);
    holds(made('postgres://', 'sqlite:', 'file:', '///', 'a', '?', '=', '%', '\\', '..'), (url) => {
      answerOf(() => parseDatabaseUrl(url, '/'));
      maskPasswords(url);
    });
  });

  it('as TOML', () => {
    holds(made('[', ']', '{', '}', '=', 'a', '.', '"', "'", '"""', '\n', '#', ',', '1', '-', ':', 'profiles', '__proto__', 'true'), (text) => {
      const document = parseTomlDocument(text);
      if ('problem' in document) expect(document.problem.message).not.toBe('');
      else expect(document.lineOf(['profiles'])).toBeGreaterThan(0);
    }); // prettier-ignore
  });

  it('as a time or a length of time', () => {
    holds(made('2026', '-', '11', '23', 'T', '10', ':', '00', 'Z', '+', '.', '9', 'm', 'h', 'd', 'w', ' '), (text) => {
      const moment = answerOf(() => parseMoment(text));
      if (!(moment instanceof Error)) expect(resolveMoment(moment, now)).toMatch(/^\d{4}-\d\d-\d\dT/);
      const length = answerOf(() => parseDuration(text));
      if (!(length instanceof Error)) expect(length).toBeGreaterThanOrEqual(0);
      for (const said of [moment, length].map(saidOf)) expect(said.length).toBeLessThan(2000);
    }); // prettier-ignore
  });

  it('as an address, which lies in its own network', () => {
    holds(made('203', '.', '0', '113', '7', ':', '::', 'ffff', '/', '24', '[', ']', '%eth0', 'for=', '"', ',', ';', ' ', 'db8'), (text) => {
      const range = answerOf(() => parseAddressRange(text));
      const key = addressKey(text);
      if (key !== undefined) expect(range instanceof Error || rangeHolds(range, key)).toBe(true);
      expect(saidOf(range).length).toBeLessThan(2000);
      const stored = readStoredAddress(text);
      if (key !== undefined) expect(stored).toEqual({ key, unclear: false });
      if (stored.key === null) expect(stored.unclear).toBe(!/^[ \t\r\n]*$/.test(text) || text.length > 1000);
    }); // prettier-ignore
    holds(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      expect(readStoredAddress(address)).toEqual({ key: addressKey(address), unclear: false });
    });
  });

  it('as a cookie, a header or a pasted credential', () => {
    holds(made('better-auth.session_token', '=', '; ', 'Cookie: ', 'Set-Cookie: ', 'Authorization: Bearer ', '__Secure-', '%2E', '%25', '.', 'abcdefghijklmnopqrstuvwxyz012345', 'A'.repeat(43), '"', '\n', '\t', ',', '{', ':'), (text) => {
      readPaste(text);
      readText(text);
      looksLikeCredential(text);
    }); // prettier-ignore
  });

  it('as an auth file', async () => {
    const pieces = made('import { betterAuth } from "better-auth";\n', 'export const auth = betterAuth(', '{', '}', ')', '(', '[', ']', 'session:', 'expiresIn:', '60', '*', '+', 'process.env.X', '`', '${', '"', ',', 'const a = ', 'a', '=>', '...', ';\n'); // prettier-ignore
    const directory = temporaryDirectory();
    await asyncHolds(pieces, async (text) => {
      const path = directory.write('auth.ts', text);
      const read = await readAuthFile(path).catch((error: unknown) => error);
      if (read instanceof Error) expect(read).toBeInstanceOf(SessionctlError);
    });
  });

  it('as a cookie cache, of which none but its own is believed', async () => {
    const part = made('e', 'y', 'J', '.', '{"session":', '{', '}', '"', ':', 'null', '%', 'A', '=', '-', '_');
    const value = fc.tuple(part, fc.boolean()).map(([text, encoded]) => (encoded ? Buffer.from(text).toString('base64url') : text)); // prettier-ignore
    for (const strategy of ['compact', 'jwt', 'jwe'] as const) {
      await asyncHolds(value, async (text) => {
        const read = await readCachedCookie(text, { secret: SECRET, formerSecrets: [], strategy, version: '1', token: null }, now).catch((error: unknown) => error); // prettier-ignore
        if (read instanceof Error) expect(read).toBeInstanceOf(InvalidValueError);
        expect(JSON.stringify(read)).not.toContain(SECRET);
      });
    }
  });

  it('as a value in Redis', () => {
    const json = fc.oneof(fc.json(), made('{', '}', '[', ']', '"', ':', ',', '\\', 'session', 'user', 'token', '1', 'null', '__proto__')); // prettier-ignore
    holds(fc.tuple(json, fc.anything()), ([text, anything]) => {
      const texts = [text, JSON.stringify(text), JSON.stringify({ session: anything, user: anything }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)), `{"session":${text},"user":${text}}`]; // prettier-ignore
      for (const value of texts) {
        readCachedSession('a-token', value, now, 1000, true);
        readIndex(value);
      }
    });
  });

  it('as a history, of which every line is accounted for', () => {
    const line = fc.oneof(fc.json(), made('{', '}', '"', ':', ',', 'sequence', 'hash', 'previous', '1', 'null', '\n', '\r\n')); // prettier-ignore
    holds(fc.tuple(fc.array(line), fc.uint8Array({ maxLength: 50 })), ([lines, bytes]) => {
      const text = Buffer.concat([Buffer.from(lines.join('\n')), bytes]);
      followChain(splitLines(text));
    });
  });
});
