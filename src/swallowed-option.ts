import type { Command, Option } from 'commander';
import { OfferingOption } from './command.ts';
import { UsageError } from './errors.ts';
import { mayBeSecret } from './sessions/shown-value.ts';

/**
 * Refuses an option that stands where another one expects its value, as in `--reason $EMPTY --dry-run`: commander would
 * take `--dry-run` for the reason and end sessions. `--option=--value` says that it is meant.
 * @throws UsageError naming both
 */
export function refuseSwallowedOption(argv: readonly string[], program: Command): void {
  const options = optionsOf(program);
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    if (word === '--') return;
    refuseVersionInWord(word, options);
    const option = options.find((each) => each.required && expectsNextWord(word, each, options));
    if (option === undefined) continue;
    at += 1;
    const value = argv[at];
    if (value === undefined || !isOption(value, options)) continue;
    const name = option.long ?? word;
    const shown = mayBeSecret(value) ? 'an option' : `'${value}'`;
    throw new UsageError(`${name} has no value: ${shown} follows it`, {
      hint: mayBeSecret(value)
        ? `If it is the value, write it in one word: ${name}=<value>. Nothing was changed.`
        : `Was a variable empty? If ${shown} is the value, write ${name}=${value}. Nothing was changed.`,
    });
  }
}

/** commander prints the version for any word that begins with it, such as the id `-Vf3kD9`, and ends with 0. */
function refuseVersionInWord(word: string, options: readonly Option[]): void {
  if (!/^-[A-Za-z]*V/.test(word) || areShortFlags(word, options)) return;
  throw new UsageError(`unknown option${mayBeSecret(word) ? '' : ` '${word}'`}`, {
    hint: 'Put an id that begins with - after -- and after all options: sessionctl show -- <id>',
  });
}

function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...command.commands.flatMap(optionsOf)];
}

/** `--reason`, or short flags of which the last takes a value: `-o`, `-qo`. */
function expectsNextWord(word: string, option: Option, options: readonly Option[]): boolean {
  if (word === option.long || word === option.short) return true;
  if (option.short === undefined) return false;
  return areShortFlags(word, options) && word.endsWith(option.short.slice(1));
}

/** An id may begin with one dash, so of such words only those count that are short flags. */
function isOption(word: string, options: readonly Option[]): boolean {
  if (word.startsWith('--')) return true;
  return areShortFlags(word, options) || options.some((option) => isShortWithValue(word, option));
}

function areShortFlags(word: string, options: readonly Option[]): boolean {
  // commander keeps the option for help apart from the others.
  const isFlag = (letter: string) => letter === 'h' || options.some(({ short }) => short === `-${letter}`);
  return /^-[A-Za-z]+$/.test(word) && Array.from(word.slice(1)).every(isFlag);
}

/** `-ojson` */
function isShortWithValue(word: string, option: Option): boolean {
  const { short } = option;
  if (short === undefined || !(option instanceof OfferingOption) || typeof option.offer === 'string')
    return false;
  return option.offer.some((value) => word === `${short}${value}`);
}
