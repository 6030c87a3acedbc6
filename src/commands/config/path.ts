import { defineCommand } from '../../command.ts';
import { jsonLine } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';

export const configPath = defineCommand<object>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3],
  examples: [
    ['sessionctl config path', 'Print the file, or the places that were searched'],
    ['$EDITOR "$(sessionctl config path)"', 'Edit the file in use'],
  ],
  configure: (command) => command,
  run: async (context, flags) => {
    const format = chooseFormat(flags, reportFormats);
    const { findConfigFile, noConfigFile } = await import('../../config/config-file.ts');
    const { rejectEmpty } = await import('../../config/load.ts');
    rejectEmpty(flags);
    const search = await findConfigFile(context.system, flags.config);
    if (search.path === null) throw noConfigFile(search);
    if (search.warning !== null) await context.warn(search.warning);
    await context.print(format === 'json' ? jsonLine({ path: search.path }, 2) : `${search.path}\n`);
    return 0;
  },
});
