import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { ConfigError } from '../../errors.ts';
import { counted } from '../../output/counted.ts';
import { jsonLine } from '../../output/json-text.ts';
import { chooseFormat, reportFormats } from '../../output/output-format.ts';
import { safeText } from '../../output/safe-text.ts';
import { mayBeSecret } from '../../sessions/shown-value.ts';

export const configCheck = defineCommand<object>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3],
  examples: [
    ['sessionctl config check', 'Check the file in use'],
    ['sessionctl config check deploy/sessionctl.toml', 'Check another file'],
  ],
  operands: 'file',
  configure: (command) => command.argument('[file]', 'configuration file (default: the one in use)'),
  run: async (context, flags, [file]) => {
    const format = chooseFormat(flags, reportFormats);
    const { checkConfig } = await import('../../config/check-config.ts');
    const { environmentOf } = await import('../../config/environment.ts');
    const path = await fileToCheck(context, file);
    const { profiles, problems, warnings } = await checkConfig(path, environmentOf(context.system.env));
    for (const warning of warnings) await context.warn(warning);

    if (format === 'json') {
      await context.print(jsonLine({ path, profiles, problems }, 2));
    } else if (problems.length > 0) {
      const { describeProblem } = await import('../../config/problem.ts');
      const lines = problems.map((problem) =>
        safeText(context.redactor.redact(describeProblem(path, problem))),
      );
      await context.print(`${lines.join('\n')}\n`);
    } else {
      await context.print(`${safeText(path)}: ${counted(profiles.length, 'profile')}, no problems\n`);
    }
    if (problems.length > 0) throw new ConfigError(`${path} has ${counted(problems.length, 'problem')}`);
    return 0;
  },
});

async function fileToCheck(context: Context, file: string | undefined): Promise<string> {
  const { findConfigFile, noConfigFile } = await import('../../config/config-file.ts');
  const { rejectEmpty } = await import('../../config/load.ts');
  rejectEmpty(context.flags);
  if (file !== undefined) {
    const path = resolve(context.system.cwd, file);
    if (mayBeSecret(file) && !existsSync(path)) throw new ConfigError('there is no file with the given name');
    return path;
  }
  const search = await findConfigFile(context.system, context.flags.config);
  if (search.path === null) throw noConfigFile(search);
  if (search.warning !== null) await context.warn(search.warning);
  return search.path;
}
