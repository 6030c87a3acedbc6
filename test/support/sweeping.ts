import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { loadSettings } from '../../src/config/load.ts';
import type { SweepReport } from '../../src/output/sweep-report.ts';
import { createRedactor } from '../../src/redaction.ts';
import type { DeploymentStore } from '../../src/store/deployment-store.ts';
import { openStore } from '../../src/store/open-store.ts';
import { everySession, signIn, signUp, type Person, type SignIn, type Truth } from './app.ts';
import { fakeSystem } from './fake-system.ts';
import type { Operator } from './operator.ts';
import { updateSession } from './population.ts';
import type { Outcome } from './scene.ts';
import type { Deployment } from './shapes.ts';

export const second = 1000;
export const hour = 3600 * second;
export const day = 24 * hour;

const client = { ip: '192.0.2.1', userAgent: 'Firefox' };

/** What a run of `sweep --json` has printed. */
export function reportOf({
  stdout,
  stderr,
}: {
  readonly stdout: string;
  readonly stderr: string;
}): SweepReport {
  expect(stdout, stderr).toMatch(/^\{"command":"sweep".*\}\n$/);
  return JSON.parse(stdout) as SweepReport;
}

/** Sweeps, and expects that all is well. */
export async function sweepWith(operator: Operator, ...words: readonly string[]): Promise<SweepReport> {
  const ran = await operator.run(['sweep', '--json', ...words]);
  expect(ran.code, ran.stderr).toBe(0);
  return reportOf(ran);
}

/** Opens the operator's store to write. */
export async function withStoreOf(
  operator: Operator,
  use: (store: DeploymentStore) => Promise<void>,
): Promise<void> {
  const [, value] = operator.where;
  const redactor = createRedactor();
  const { system } = fakeSystem({ env: operator.env });
  const { settings } = await loadSettings(system, { config: value }, redactor);
  const store = await openStore(settings, { access: 'write', redactor, signal: system.signal });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** One line of what happened, with all that is needed to understand a failure. */
export const sweptTo = ({
  code,
  stdout,
  stderr,
}: Pick<Outcome, 'stdout' | 'stderr'> & { readonly code: number | null }) => {
  const report = stdout.startsWith('{') ? (JSON.parse(stdout) as SweepReport) : undefined;
  return { code, stoppedBecause: report?.stoppedBecause, remaining: report?.remaining, stderr };
};

/** Somebody whose sessions are of any age. */
export interface Aged {
  readonly person: Person;
  /** In the order of the ages. */
  readonly signIns: readonly SignIn[];
}

/** Signs somebody in once for each of the ages: milliseconds from now, at which the session expires. */
export async function signInAged(
  deployment: Deployment,
  email: string,
  ages: readonly number[],
): Promise<Aged> {
  const person = await signUp(deployment.app, 'Ada', email);
  const signIns: SignIn[] = [];
  while (signIns.length < ages.length) signIns.push(await signIn(deployment.app, person, client));
  const now = Date.now();
  for (const [n, age] of ages.entries())
    await updateSession(deployment, signIns[n]?.token ?? '', { expiresAt: new Date(now + age) });
  return { person, signIns };
}

/** Which of the sessions Better Auth takes for valid; it removes what has expired. */
export async function areIn({ app }: Deployment, signIns: readonly SignIn[]): Promise<readonly boolean[]> {
  return Promise.all(
    signIns.map(async ({ cookie }) => {
      const query = { disableRefresh: true };
      return (await app.api.getSession({ headers: { cookie }, query })) !== null;
    }),
  );
}

/** Runs the work, and expects that exactly the sessions that had expired by the moment are gone, all others as they were. */
export async function removesExactly<Result>(
  truths: () => Promise<readonly Truth[]>,
  expiredBy: (result: Result) => number,
  work: () => Promise<Result>,
): Promise<Result> {
  const sorted = (all: readonly Truth[]) => [...all].sort((a, b) => (a.id < b.id ? -1 : 1));
  const before = await truths();
  const result = await work();
  const bound = expiredBy(result);
  expect(sorted(await truths())).toEqual(
    sorted(before.filter(({ expiresAt }) => expiresAt.getTime() >= bound)),
  );
  return result;
}

/** All that Better Auth knows of these people's sessions. */
export const truthsOf =
  (deployment: Deployment, people: readonly Person[]) => (): Promise<readonly Truth[]> =>
    everySession(
      deployment.app,
      people.map(({ id }) => id),
    );

/** A place for figures that nobody has written yet, and what stands there. */
export function metricsPlace() {
  const path = join(mkdtempSync(join(inject('temporaryDirectory'), 'metrics-')), 'sessionctl.prom');
  const read = () => readFileSync(path, 'utf8');
  return {
    path,
    read,
    /** The values by the name of their gauge, without `sessionctl_sweep_`. */
    figures: () => figuresIn(read()),
  };
}

/** Fails for half a file. */
export function figuresIn(text: string): Readonly<Record<string, number>> {
  expect(text).toMatch(/^# HELP (?:.*\n)+$/);
  const values = [...text.matchAll(/^sessionctl_sweep_(\w+)\{[^}]*\} (\S+)$/gm)];
  expect(values.map(([, name]) => name)).toEqual(
    expect.arrayContaining(['last_run_timestamp_seconds', 'exit_code', 'longest_batch_seconds']),
  );
  return Object.fromEntries(values.map(([, name = '', value]) => [name, Number(value)]));
}

/** Enough of them to keep every connection of a pool busy. */
const AT_ONCE = 12;

/** Has Better Auth make so many sessions of somebody. */
export async function fill({ app }: Deployment, person: Person, count: number, age: number): Promise<void> {
  const { internalAdapter } = await app.$context;
  const expiresAt = new Date(Date.now() + age);
  const one = () => internalAdapter.createSession(person.id, false, { expiresAt }, true);
  for (let made = 0; made < count; made += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - made) }, one));
}
