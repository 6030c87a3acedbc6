import type { CommandDefinition, CommandDetails, CommandOutline } from '../command.ts';

/** A command as the help of all commands describes it; the rest is loaded when it is needed. */
export interface CatalogueEntry extends CommandOutline {
  readonly details: () => Promise<CommandDetails>;
}

/** Every command; adding one is a file and an entry. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    words: ['list'],
    group: 'Look',
    summary: 'Show sessions: whose, from where, on which device, until when',
    details: async () => (await import('./list.ts')).list,
  },
  {
    words: ['stats'],
    group: 'Look',
    summary: 'Count sessions: by day and hour, user, device and network',
    details: async () => (await import('./stats.ts')).stats,
  },
  {
    words: ['show'],
    group: 'Look',
    summary: 'Show everything about one session',
    details: async () => (await import('./show.ts')).show,
  },
  {
    words: ['verify'],
    group: 'Look',
    summary: 'Check whether a session cookie is valid, and why not',
    details: async () => (await import('./verify.ts')).verify,
  },
  {
    words: ['create'],
    group: 'Make',
    summary: 'Create a session for a user, as a sign-in would, and print its cookie once',
    details: async () => (await import('./create.ts')).create,
  },
  {
    words: ['revoke'],
    group: 'End sessions',
    summary: 'End sessions by id or token',
    details: async () => (await import('./revoke.ts')).revoke,
  },
  {
    words: ['revoke-all'],
    group: 'End sessions',
    summary: 'End all sessions that a selection matches',
    details: async () => (await import('./revoke-all.ts')).revokeAll,
  },
  {
    words: ['limit'],
    group: 'End sessions',
    summary: 'End the oldest sessions of users who have too many',
    details: async () => (await import('./limit.ts')).limit,
  },
  {
    words: ['sweep'],
    group: 'Keep clean',
    summary: 'Delete expired sessions, for cron',
    details: async () => (await import('./sweep.ts')).sweep,
  },
  {
    words: ['doctor'],
    group: 'Look',
    summary: 'Check a deployment and suggest fixes',
    details: async () => (await import('./doctor.ts')).doctor,
  },
  {
    words: ['history'],
    group: 'Look',
    summary: 'Show what sessionctl changed: when, who, which command, how many sessions, why',
    details: async () => (await import('./history.ts')).history,
  },
  {
    words: ['config', 'init'],
    group: 'Set up',
    summary: 'Connect to the database and write a configuration file',
    details: async () => (await import('./config/init.ts')).configInit,
  },
  {
    words: ['config', 'show'],
    group: 'Set up',
    summary: 'Show every setting in effect and where it comes from',
    details: async () => (await import('./config/show.ts')).configShow,
  },
  {
    words: ['config', 'path'],
    group: 'Set up',
    summary: 'Print the path of the configuration file in use',
    details: async () => (await import('./config/path.ts')).configPath,
  },
  {
    words: ['config', 'check'],
    group: 'Set up',
    summary: 'Report every problem of a configuration file at once',
    details: async () => (await import('./config/check.ts')).configCheck,
  },
  {
    words: ['schema', 'status'],
    group: 'Set up',
    summary: 'Show which parts of the schema exist and which are pending',
    details: async () => (await import('./schema/status.ts')).schemaStatus,
  },
  {
    words: ['schema', 'migrate'],
    group: 'Set up',
    summary: 'Add the tables of sessionctl; in an empty database also the core tables of Better Auth',
    details: async () => (await import('./schema/migrate.ts')).schemaMigrate,
  },
  {
    words: ['schema', 'rollback'],
    group: 'Set up',
    summary: 'Remove what sessionctl added for itself, and nothing of Better Auth',
    details: async () => (await import('./schema/rollback.ts')).schemaRollback,
  },
  {
    words: ['completion'],
    group: 'Set up',
    summary: 'Print a script that lets a shell complete commands, options and values',
    details: async () => (await import('./completion.ts')).completion,
  },
  {
    words: ['demo'],
    group: 'Make',
    summary: 'Create a SQLite auth database with made-up users and sessions to try all commands',
    details: async () => (await import('./demo.ts')).demo,
  },
];

/** Everything about commands. */
export function loadDefinitions(
  entries: readonly CatalogueEntry[] = catalogue,
): Promise<readonly CommandDefinition[]> {
  return Promise.all(entries.map(async ({ details, ...outline }) => ({ ...outline, ...(await details()) })));
}
