import { defineCommand } from '../../command.ts';
import { jsonLine } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';
import { safeText } from '../../output/safe-text.ts';
import type { Styles } from '../../output/styles.ts';

type Row = readonly [setting: string, value: string, from: string];

const HEAD: Row = ['SETTING', 'VALUE', 'FROM'];

export const configShow = defineCommand<{ readonly resolve?: boolean }>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3],
  examples: [
    ['sessionctl config show', 'Show what a command would use, with secrets hidden'],
    ['sessionctl --profile staging config show --json', 'Show another profile, for a script'],
  ],
  configure: (command) =>
    command.optionsGroup('Behaviour').option('--resolve', 'run url_command to show the URL that it gives'),
  run: async (context, flags) => {
    const format = chooseFormat(flags, reportFormats);
    const { loadConfig } = await import('../../config/load.ts');
    const commands = flags.resolve === true ? 'run' : 'unrun';
    const { path, entries, warnings } = await loadConfig(context.system, flags, context.redactor, commands);
    for (const warning of warnings) await context.warn(warning);
    if (entries.some(({ key, value }) => key === 'url' && value === null))
      await context.note('url_command was not run: --resolve runs it and shows the URL');
    if (format === 'json') {
      const settings = entries.map(({ key, value, origin }) => ({ key, value, origin }));
      await context.print(jsonLine({ path, settings }, 2));
      return 0;
    }
    const { describeOrigin } = await import('../../config/origin.ts');
    const rows = entries.map(({ key, value, origin }): Row => {
      const shown = value === null ? '-' : value === '' ? '""' : String(value);
      return [safeText(key), safeText(shown), safeText(describeOrigin(origin))];
    });
    await context.print(aligned(rows, context.stdout.styles));
    return 0;
  },
});

function aligned(rows: readonly Row[], { bold, dim }: Styles): string {
  const widthOf = (column: 0 | 1) => Math.max(...[HEAD, ...rows].map((row) => row[column].length));
  const [settings, values] = [widthOf(0), widthOf(1)];
  const line = ([setting, value, from]: Row, style: (text: string) => string) =>
    `${setting.padEnd(settings)}  ${value.padEnd(values)}  ${style(from)}\n`;
  return [bold(line(HEAD, (text) => text).trimEnd()) + '\n', ...rows.map((row) => line(row, dim))].join('');
}
