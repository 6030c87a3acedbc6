import { defineCommand } from '../../command.ts';
import { SchemaError } from '../../errors.ts';
import { counted } from '../../output/counted.ts';
import { jsonLine } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';

interface SchemaStatusFlags {
  readonly check?: boolean;
}

export const schemaStatus = defineCommand<SchemaStatusFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 130],
  exitMeanings: {
    5: 'the schema is not one that sessionctl can work on, or with --check: something is pending',
  },
  examples: [
    ['sessionctl schema status', 'Show what exists and what is missing'],
    ['sessionctl schema status --check', 'Exit with 5 while something is pending, for a deployment script'],
  ],
  configure: (command) =>
    command.optionsGroup('Behaviour').option('--check', 'exit with 5 while something is pending'),
  run: async (context, flags) => {
    const format = chooseFormat(flags, reportFormats);
    const { target, server, parts } = await context.withSchema('read', (schema) => Promise.resolve(schema));
    const pending = parts.filter(({ state }) => state === 'pending').length;
    if (format === 'json') {
      await context.print(jsonLine({ target, server, pending, parts }, 2));
    } else {
      const { schemaPartsText } = await import('../../output/schema-text.ts');
      await context.print(schemaPartsText(parts, context.stdout.terminal, context.stdout.styles));
    }
    if (flags.check === true && pending > 0) {
      throw new SchemaError(
        `${counted(pending, 'part')} of the schema ${pending === 1 ? 'is' : 'are'} pending`,
        {
          hint: '`sessionctl schema migrate` adds what is missing.',
        },
      );
    }
    return 0;
  },
});
