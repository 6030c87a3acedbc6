import { defineCommand } from '../command.ts';
import { shellNames } from '../completion/shells.ts';
import { UsageError } from '../errors.ts';
import { suggestion } from '../sessions/nearest.ts';
import { shownValue } from '../sessions/shown-value.ts';

export const completion = defineCommand<object>({
  notes:
    'Also completes profiles of the configuration, formats, states, fields and paths; it never connects to a database. To use it in every shell, add the line to ~/.bashrc, to ~/.zshrc after compinit, or to ~/.config/fish/config.fish.',
  formats: [],
  exitCodes: [0, 1, 2],
  examples: [
    ['source <(sessionctl completion bash)', 'bash'],
    ['source <(sessionctl completion zsh)', 'zsh'],
    ['sessionctl completion fish | source', 'fish'],
  ],
  operands: shellNames,
  configure: (command) => command.argument('<shell>', shellNames.join(', ')),
  run: async (context, { output, json }, [typed = '']) => {
    const shell = shellNames.find((name) => name === typed);
    if (shell === undefined) {
      throw new UsageError(`${shownValue(typed)} is not a supported shell`, {
        hint: suggestion(typed, shellNames),
      });
    }
    if (output !== undefined || json === true)
      throw new UsageError('a script has no other format', { hint: 'Remove --output and --json.' });
    const { completionScript } = await import('../completion/scripts.ts');
    await context.print(completionScript(shell));
    return 0;
  },
});
