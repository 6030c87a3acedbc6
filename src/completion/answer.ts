import { encodeSuggestions } from './scripts.ts';
import type { ShellName } from './shells.ts';
import { suggest, type Known, type Suggestion } from './suggest.ts';

/** The suggestions for the last word, as the script of the shell gets them. */
export async function answer(shell: ShellName, words: readonly string[], known: Known): Promise<string> {
  // Completion prints no errors; the command itself does when it runs.
  const profiles = (file: string | undefined) => known.profiles(file).catch(() => []);
  const whole = shell === 'bash' ? joinFragments(words) : words;
  const suggestions = await suggest(whole, { ...known, profiles });
  const typed = (whole.at(-1) ?? '').length - (words.at(-1) ?? '').length;
  return encodeSuggestions(shell, typed === 0 ? suggestions : withoutBeginning(suggestions, typed));
}

/** bash splits words at a colon and an at sign, which are words of their own, so a URL arrives in several. */
function joinFragments(words: readonly string[]): readonly string[] {
  const isBreak = (word: string | undefined) => word !== undefined && /^[:@]+$/.test(word);
  return words.reduce<readonly string[]>(
    (whole, word, at) =>
      at > 0 && (isBreak(word) || isBreak(words[at - 1]))
        ? [...whole.slice(0, -1), `${whole.at(-1) ?? ''}${word}`]
        : [...whole, word],
    [],
  );
}

/** Only the last fragment is replaced, and the shell could no longer complete paths. */
function withoutBeginning(suggestions: readonly Suggestion[], length: number): readonly Suggestion[] {
  return suggestions.flatMap((each) =>
    each.kind === 'file' ? [] : [{ ...each, text: each.text.slice(length) }],
  );
}
