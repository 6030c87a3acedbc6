import { defineCommand } from '../../command.ts';
import { counted } from '../../output/counted.ts';
import { reportFormats } from '../../output/output-format.ts';
import { addSchemaChangeOptions, changeSchema, type SchemaChangeFlags } from './change-schema.ts';

export const schemaRollback = defineCommand<SchemaChangeFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 130],
  examples: [
    ['sessionctl schema rollback --dry-run', 'Print the SQL; changes nothing'],
    ['sessionctl schema rollback', 'Show what would be removed, ask, and remove it'],
  ],
  configure: addSchemaChangeOptions,
  run: async (context, flags) => {
    await changeSchema(context, flags, {
      command: 'schema rollback',
      plan: (schema) => schema.planRollback(),
      cautions: ({ cautions, records }) => [
        ...cautions,
        ...(records === null || records === 0
          ? []
          : [
              `this removes the history table with ${counted(records, 'record')} of what was done to this database`,
            ]),
      ],
      change: (schema, remark) => schema.rollback(remark),
    });
    return 0;
  },
});
