import { encodeSuggestions } from './scripts.ts';
import type { ShellName } from './shells.ts';
import { suggest, type Known, type Suggestion } from './suggest.ts';

/** What the script of a shell is told about the last of the words. */
export async function answer(shell: ShellName, words: readonly string[], known: Known): Promise<string> {
  // Whoever presses a key in the middle of a line wants no error there: a command that is run tells it.
  const profiles = (file: string | undefined) => known.profiles(file).catch(() => []);
  const whole = shell === 'bash' ? joinFragments(words) : words;
  const suggestions = await suggest(whole, { ...known, profiles });
  const typed = (whole.at(-1) ?? '').length - (words.at(-1) ?? '').length;
  return encodeSuggestions(shell, typed === 0 ? suggestions : withoutBeginning(suggestions, typed));
}

/** To bash a colon and an at sign end a word and are one themselves, so that a URL comes in many. */
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

/** Only the last fragment is replaced. Paths are no longer what a shell would look for then. */
function withoutBeginning(suggestions: readonly Suggestion[], length: number): readonly Suggestion[] {
  return suggestions.flatMap((each) =>
    each.kind === 'file' ? [] : [{ ...each, text: each.text.slice(length) }],
  );
}
