import type { Argument, Command, Option } from 'commander';
import { collect, OfferingOption, type CommandDefinition, type Offer } from '../command.ts';

/** A suggestion for a place of a command line. */
export type Suggestion =
  | { readonly kind: 'word'; readonly text: string; readonly description: string }
  /** A path, of which so much is typed; `before` belongs to the word and not to the path. */
  | { readonly kind: 'file'; readonly typed: string; readonly before: string };

/** What is known of the program, and what only the machine knows. */
export interface Known {
  readonly program: Command;
  readonly definitionOf: (command: Command) => CommandDefinition | undefined;
  /** The names of topics, which `help` takes as it takes commands. */
  readonly topics: Readonly<Record<string, string>>;
  /** The profiles of the configuration in use; those of `file` where it names another one. */
  readonly profiles: (file: string | undefined) => Promise<readonly string[]>;
}

/** Where the words of a line lead. */
interface Place {
  readonly command: Command;
  /** How many words are arguments of the command. */
  readonly operands: number;
  /** The option that waits for its value. */
  readonly pending: Option | null;
  readonly given: readonly Option[];
  readonly config: string | undefined;
  /** After `--` no word is an option. */
  readonly literal: boolean;
}

/**
 * Suggestions for the last word after `sessionctl`. Only the program and its configuration are asked: pressing a key
 * must not reveal which sessions and users there are.
 */
export async function suggest(words: readonly string[], known: Known): Promise<readonly Suggestion[]> {
  const typed = words.at(-1) ?? '';
  const place = words.slice(0, -1).reduce<Place>(follow, {
    command: known.program,
    operands: 0,
    pending: null,
    given: [],
    config: undefined,
    literal: false,
  });
  const joined = place.literal ? null : /^(--[^=]+)=/.exec(typed);
  const option = place.pending ?? (joined === null ? undefined : optionNamed(place.command, joined[1] ?? ''));
  const before = place.pending === null ? (joined?.[0] ?? '') : '';
  const all =
    option === undefined || (joined !== null && !takesValue(option))
      ? await forWord(typed, place, known)
      : await offered(offerOf(option, place.command, known), { ...place, known, typed, before });
  return all.filter((each) => each.kind === 'file' || each.text.startsWith(typed));
}

function follow(place: Place, word: string): Place {
  const { command, pending } = place;
  if (pending !== null)
    return { ...place, pending: null, config: pending.long === '--config' ? word : place.config };
  if (!place.literal && word === '--') return { ...place, literal: true };
  if (!place.literal && word.startsWith('-') && word !== '-') {
    const [name = '', ...value] = word.split('=');
    const option = optionNamed(command, name);
    if (option === undefined) return place;
    const given = [...place.given, option];
    if (takesValue(option) && value.length === 0) return { ...place, given, pending: option };
    return { ...place, given, config: option.long === '--config' ? value.join('=') : place.config };
  }
  const next = command.commands.find((each) => each.name() === word);
  if (next !== undefined && place.operands === 0) return { ...place, command: next };
  return { ...place, operands: place.operands + 1 };
}

async function forWord(typed: string, place: Place, known: Known): Promise<readonly Suggestion[]> {
  const { command, literal } = place;
  if (typed.startsWith('-') && !literal) {
    return optionsOf(command)
      .filter((option) => !place.given.includes(option) || isRepeatable(option))
      .map((option) => word(option.long ?? option.flags, option.description));
  }
  if (place.operands === 0 && command.commands.length > 0) return command.commands.map(commandWord);
  if (command.name() === 'help' && command.parent === known.program) {
    const topics = Object.entries(known.topics).map(([name, summary]) => word(name, summary));
    return place.operands > 0 ? [] : [...known.program.commands.map(commandWord), ...topics];
  }
  const last: Argument | undefined = command.registeredArguments.at(-1);
  const isRoom = place.operands < command.registeredArguments.length || last?.variadic === true;
  const operands = known.definitionOf(command)?.operands;
  return isRoom && operands !== undefined ? offered(operands, { ...place, known, typed, before: '' }) : [];
}

async function offered(
  offer: Offer | undefined,
  {
    config,
    known,
    typed,
    before,
  }: Pick<Place, 'config'> & {
    readonly known: Known;
    readonly typed: string;
    readonly before: string;
  },
): Promise<readonly Suggestion[]> {
  const words = (texts: readonly string[]) => texts.map((text) => word(before + text, ''));
  switch (offer) {
    case undefined:
      return [];
    case 'file':
      return [{ kind: 'file', typed, before }];
    case 'profile':
      return words(await known.profiles(config));
    case 'time zone':
      return words(['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')]);
    default:
      return words(offer);
  }
}

/** The command's formats decide about `--output`; any other option lists its own values. */
function offerOf(option: Option, command: Command, { definitionOf }: Known): Offer | undefined {
  const formats = definitionOf(command)?.formats;
  if (option.long === '--output' && formats !== undefined) return formats;
  return option instanceof OfferingOption ? option.offer : undefined;
}

/** The command's own options before those of every command. */
function optionsOf(command: Command): readonly Option[] {
  const inherited = command.parent === null ? [] : optionsOf(command.parent);
  const own = command.createHelp().visibleOptions(command);
  return [...own, ...inherited.filter(({ long }) => own.every((each) => each.long !== long))].filter(
    ({ long }) => long !== '--version' || command.parent === null,
  );
}

function optionNamed(command: Command, name: string): Option | undefined {
  return optionsOf(command).find(({ long, short }) => name === long || name === short);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function isRepeatable({ parseArg }: Option): boolean {
  return parseArg === collect;
}

function commandWord(command: Command): Suggestion {
  return word(command.name(), command.description());
}

function word(text: string, description: string): Suggestion {
  return { kind: 'word', text, description };
}
