/**
 * What the tests need of one release of Better Auth, wherever that release keeps it. It is copied beside the release's
 * `node_modules`, so that these names are looked up there.
 */
export { betterAuth } from 'better-auth';

const firstOf = (...names) =>
  names.reduce(
    (found, name) => found.catch(() => import(name)),
    Promise.reject(new Error('no name is known')),
  );

export const { getMigrations } = await firstOf('better-auth/db/migration', 'better-auth/db');
/** Not installed for a short run, which does without. */
export const { drizzleAdapter } = await firstOf(
  '@better-auth/drizzle-adapter',
  'better-auth/adapters/drizzle',
).catch(() => ({}));
