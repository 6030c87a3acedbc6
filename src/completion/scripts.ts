import { bash, fish, zsh, type ShellCompletion } from '@optique/core/completion';
import type { ShellName } from './shells.ts';
import type { Suggestion } from './suggest.ts';

const shells: Readonly<Record<ShellName, ShellCompletion>> = { bash, zsh, fish };

/** The script that a shell reads once, so that it asks `sessionctl completion <shell> -- <words>` from then on. */
export function completionScript(shell: ShellName): string {
  return `${shells[shell].generateScript('sessionctl', ['completion', shell, '--']).trim()}\n`;
}

/** Suggestions in the form that the script of the shell reads. */
export function encodeSuggestions(shell: ShellName, suggestions: readonly Suggestion[]): string {
  const encoded = shells[shell].encodeSuggestions(
    suggestions.map((each) =>
      each.kind === 'file'
        ? { kind: 'file', type: 'any', pattern: each.typed, prefix: each.before }
        : { kind: 'literal', text: each.text, description: [{ type: 'text', text: each.description }] },
    ),
  );
  return [...encoded].join('');
}
