import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import stringWidth from 'string-width';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dangerousIn } from '../output/hostile.ts';
import { runMain, type FakeSystemOptions } from '../support/fake-system.ts';

const directory = mkdtempSync(join(tmpdir(), 'sessionctl-show-'));
const file = join(directory, 'demo.db');

interface Row {
  readonly id: string;
  readonly userId: string;
  readonly token: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly name: string;
  readonly email: string;
}

function show(words: readonly string[], options: FakeSystemOptions = {}) {
  return runMain(['--url', `sqlite:${file}`, 'show', ...words], options);
}

/** The first session that fits, with its user. */
function sessionWhere(condition: string): Row {
  const database = new Database(file, { readonly: true });
  try {
    const row = database
      .prepare<[], Row>(
        `SELECT s.*, u.name, u.email FROM session s JOIN user u ON u.id = s."userId" WHERE ${condition}`,
      )
      .get();
    if (row === undefined) throw new Error(`the demo has no session with ${condition}`);
    return row;
  } finally {
    database.close();
  }
}

const ACTIVE = `s."expiresAt" > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hours')`;
const LASTS_A_WEEK = `julianday(s."expiresAt") - julianday(s."updatedAt") > 6.99`;

beforeAll(async () => {
  const { code } = await runMain(['demo', 'demo.db'], { cwd: directory });
  expect(code).toBe(0);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('an active session', async () => {
  const session = sessionWhere(`${ACTIVE} AND ${LASTS_A_WEEK}`);
  const { code, stdout } = await show([session.id]);
  expect(code).toBe(0);
  const values = new Map(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, 21).trim(), line.slice(21)]),
  );
  expect([...values.keys()]).toEqual([
    'id', 'user', 'user id', 'state', 'created', 'last active', 'expires', 'due for refresh', 'fresh', 'IP', 'device', 'user agent',
    'impersonated by', 'impersonates', 'active organization', 'OAuth tokens', 'stored in', 'token fingerprint', 'same user',
  ]); // prettier-ignore
  expect(values.get('id')).toBe(session.id);
  expect(values.get('user')).toBe(`${session.name} <${session.email}>`);
  expect(values.get('state')).toMatch(/^active, \d+[dhm] left$/);
  expect(values.get('expires')).toMatch(new RegExp(`^${session.expiresAt} \\(in \\d+[dhm]\\)$`));
  expect(values.get('stored in')).toBe('database');
  expect(values.get('token fingerprint')).toMatch(/^[0-9a-f]{12}$/);
  expect(stdout).not.toContain(session.token);
});

test('as JSON: the session object and what show adds', async () => {
  const session = sessionWhere(`${ACTIVE} AND ${LASTS_A_WEEK}`);
  const [asJson, others] = await Promise.all([
    show([session.id, '--json']),
    runMain([
      '--url',
      `sqlite:${file}`,
      'list',
      '--user',
      session.userId,
      '--except-session',
      session.id,
      '-o',
      'ids',
    ]),
  ]);
  const object = JSON.parse(asJson.stdout) as Record<string, unknown>;
  expect(Object.keys(object)).toEqual([
    'id', 'userId', 'userEmail', 'userName', 'state', 'createdAt', 'updatedAt', 'lastActiveAt', 'expiresAt', 'ipAddress',
    'userAgent', 'device', 'impersonatedBy', 'store', 'tokenFingerprint', 'activeOrganizationId', 'refreshDueAt', 'otherActiveSessions',
    'remainingMs', 'fresh', 'freshUntil', 'oauthTokens', 'impersonating', 'stores',
  ]); // prettier-ignore
  // expires_in is seven days and update_age one, unless the configuration says otherwise.
  const due = new Date(Date.parse(session.expiresAt) - 6 * 86_400_000).toISOString();
  const otherIds = others.stdout.split('\n').filter((line) => line !== '');
  expect(object).toMatchObject({
    id: session.id,
    state: 'active',
    refreshDueAt: due,
    otherActiveSessions: otherIds.length,
  });
});

test('an expired session says since when, and that nothing refreshes it', async () => {
  const { id } = sessionWhere(
    `s."expiresAt" < '2026'`.replace('2026', new Date(Date.now() - 30 * 86_400_000).toISOString()),
  );
  const { stdout } = await show([id]);
  expect(stdout).toMatch(/^state +expired \d+d ago$/m);
  expect(stdout).toMatch(/^due for refresh +no, it has expired$/m);
});

test('one without "remember me" is never refreshed', async () => {
  const { id } = sessionWhere(`${ACTIVE} AND julianday(s."expiresAt") - julianday(s."createdAt") < 1.01`);
  expect(JSON.parse((await show([id, '--json'])).stdout)).toMatchObject({ refreshDueAt: null });
});

test('a hostile user agent is wrapped and harmless on a terminal', async () => {
  const { id } = sessionWhere(`s."userAgent" LIKE '%SESSION REVOKED%'`);
  const { stdout } = await show([id, '--no-color'], { tty: { stdout: true, stderr: true }, columns: 60 });
  expect(stdout).toContain(String.raw`\x1b[2J`);
  expect(dangerousIn(stdout.replaceAll('\n', ''))).toEqual([]);
  for (const line of stdout.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(60);
});

test('a beginning of eight characters will do, seven will not', async () => {
  const { id } = sessionWhere(ACTIVE);
  expect((await show([id.slice(0, 8)])).stdout).toContain(id);
  const { code, stdout, stderr } = await show([id.slice(0, 7)]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('A prefix needs at least 8 characters');
});

test('an unknown id is exit 1', async () => {
  const { code, stdout, stderr } = await show(['no-such-session-anywhere']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe(
    'error: no session has the id "no-such-session-anywhere"\nhint: It may have ended. `sessionctl list --state all` shows all ids, also those of expired sessions.\n',
  );
});

test('without an id, or with a format for lists, it is a usage error', async () => {
  expect((await show([])).code).toBe(2);
  expect((await show(['12345678', '-o', 'csv'])).code).toBe(2);
});
