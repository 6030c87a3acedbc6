import { defineCommand } from '../../command.ts';
import { reportFormats } from '../../output/output-format.ts';
import { addSchemaChangeOptions, changeSchema, type SchemaChangeFlags } from './change-schema.ts';

interface SchemaMigrateFlags extends SchemaChangeFlags {
  readonly expiryIndex?: boolean;
}

export const schemaMigrate = defineCommand<SchemaMigrateFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 130],
  examples: [
    ['sessionctl schema migrate --dry-run', 'Print the SQL; changes nothing'],
    ['sessionctl schema migrate', 'Show what is missing, ask, and add it'],
    [
      'sessionctl schema migrate --expiry-index --yes',
      'Also add an index on the expiry of sessions, for frequent sweeps',
    ],
  ],
  configure: (command) =>
    addSchemaChangeOptions(
      command
        .optionsGroup('Behaviour')
        .option('--expiry-index', 'also build an index on the expiry of sessions, without blocking writes'),
    ),
  run: async (context, flags) => {
    const options = { expiryIndex: flags.expiryIndex === true };
    await changeSchema(context, flags, {
      command: 'schema migrate',
      plan: (schema) => schema.planMigration(options),
      cautions: ({ cautions }) => cautions,
      change: (schema, remark) => schema.migrate(options, remark),
    });
    return 0;
  },
});
