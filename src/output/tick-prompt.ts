import {
  createPrompt,
  isDownKey,
  isEnterKey,
  isSpaceKey,
  isUpKey,
  makeTheme,
  useKeypress,
  usePrefix,
  useRef,
  useState,
  type KeypressEvent,
} from '@inquirer/core';
import { grouped } from '../grouped.ts';
import { inNumber } from './counted.ts';
import { cutText, ellipsisFor, textWidth } from './fit-text.ts';
import { safeText } from './safe-text.ts';

/** Something that can be ticked. */
export interface TickChoice<Value> {
  readonly value: Value;
  /** The text that is shown, already safe; it is cut to the width of the terminal. */
  readonly line: string;
  /** The text that the filter searches. */
  readonly searched: string;
}

/** Where a prompt happens. */
export interface PromptStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly signal: AbortSignal;
}

const LONGEST_PAGE = 10;
/** The lines for the count, for the keys, and one that stays free. */
const ROWS_BELOW_PAGE = 3;
const KEYS = 'move, space ticks, type to filter, tab next word, esc clears, enter accepts';
/** The terminal marks where pasted text starts and ends: a space or a line end in it is not a pressed key. */
const MARK_PASTED = '\u001b[?2004h';
const LEAVE_PASTED = '\u001b[?2004l';

/**
 * A list to tick from, with a filter that is typed. Nothing is ticked at the start, and each line is ticked separately.
 */
export async function askToTick<Value>(
  message: string,
  choices: readonly TickChoice<Value>[],
  streams: PromptStreams,
  unicode: boolean,
): Promise<readonly Value[]> {
  const { output } = streams;
  output.write(MARK_PASTED);
  try {
    const ticked = await tickPrompt({ message: safeText(message), choices, output, unicode }, streams);
    return choices.filter((_, index) => ticked.has(index)).map(({ value }) => value);
  } finally {
    output.write(LEAVE_PASTED);
  }
}

type Choices = readonly TickChoice<unknown>[];

interface Config {
  readonly message: string;
  readonly choices: Choices;
  readonly output: NodeJS.WriteStream;
  /** The terminal shows more than ASCII. */
  readonly unicode: boolean;
}

interface State {
  readonly filter: string;
  /** The choices that the filter leaves, by their index among all. */
  readonly matches: readonly number[];
  /** The choice at the pointer; where nothing matches, the one that it was at before. */
  readonly pointed: number;
  readonly ticked: ReadonlySet<number>;
  /** Enter was pressed with nothing ticked. */
  readonly tooEarly: boolean;
}

const tickPrompt = createPrompt<ReadonlySet<number>, Config>(
  ({ message, choices, output, unicode }, done) => {
    const theme = makeTheme(unicode ? {} : { prefix: { idle: '?', done: '*' } });
    const cut = (text: string, room: number) => cutText(text, room, ellipsisFor({ ascii: !unicode }));
    const [status, setStatus] = useState<'idle' | 'done'>('idle');
    const [state, setState] = useState<State>(() => ({
      filter: '',
      matches: [...choices.keys()],
      pointed: 0,
      ticked: new Set<number>(),
      tooEarly: false,
    }));
    const pasting = useRef(false);
    const prefix = usePrefix({ status, theme });

    useKeypress((key, readline) => {
      if (status === 'done') return;
      if (key.name === 'paste-start' || key.name === 'paste-end') {
        pasting.current = key.name === 'paste-start';
        return;
      }
      if (isEnterKey(key) && !hasEscape(key) && !pasting.current && state.ticked.size > 0) {
        setStatus('done');
        done(state.ticked);
        return;
      }
      const next = pressed({ ...state, tooEarly: false }, key, readline.line, pasting.current, choices);
      setState(next);
      // Space, Enter and the arrows mean something else to the line editor.
      if (readline.line !== next.filter) {
        readline.clearLine(0);
        readline.write(next.filter);
      }
    });

    // A pseudo-terminal whose size is not set says 0.
    const [columns, rows] = [output.columns || 80, output.rows || 24];
    const width = columns - 1;
    if (status === 'done') {
      const answer = `${grouped(state.ticked.size)} ticked`;
      const short = cut(message, width - answer.length - 3);
      return [prefix, theme.style.message(short, status), theme.style.answer(answer)].join(' ');
    }
    const headerRows = Math.floor(textWidth(`? ${message} ${state.filter}`) / columns) + 1;
    const page = pageOf(state, Math.max(1, Math.min(LONGEST_PAGE, rows - headerRows - ROWS_BELOW_PAGE)));
    const list = page.shown.map((index) => {
      const pointed = index === state.pointed;
      const line = `${pointed ? '>' : ' '} [${state.ticked.has(index) ? 'x' : ' '}] ${choices[index]?.line ?? ''}`;
      return pointed ? theme.style.highlight(cut(line, width)) : cut(line, width);
    });
    const keys = state.tooEarly
      ? theme.style.error(cut('nothing is ticked: press space to tick the line at the pointer', width - 2))
      : theme.style.help(cut(`${unicode ? '↑↓' : 'arrows'} ${KEYS}`, width));
    return [
      [prefix, theme.style.message(message, status), state.filter].join(' '),
      [...list, cut(statusLine(state, page), width), keys].join('\n'),
    ];
  },
);

/** The state after a key; `typed` is the text of the line editor. */
function pressed(state: State, key: KeypressEvent, typed: string, pasting: boolean, choices: Choices): State {
  if (hasEscape(key)) return filtered(state, '', choices);
  if (isEnterKey(key)) return { ...state, tooEarly: !pasting };
  if (isUpKey(key)) return moved(state, -1);
  if (isDownKey(key)) return moved(state, 1);
  if (isSpaceKey(key) && !pasting) return { ...state, ticked: toggled(state) };
  return filtered(state, typed.replaceAll('\t', ' '), choices);
}

/** Esc, or Esc and a key so soon after it that both arrive as one. */
function hasEscape(key: KeypressEvent & { readonly meta?: boolean }): boolean {
  return key.meta === true;
}

/** Stays at both ends. */
function moved(state: State, step: -1 | 1): State {
  return { ...state, pointed: state.matches[state.matches.indexOf(state.pointed) + step] ?? state.pointed };
}

/** The pointer stays on its line, if the filter leaves it. */
function filtered(state: State, filter: string, choices: Choices): State {
  const words = filter.toLowerCase().split(' ');
  const matches = choices.flatMap(({ searched }, index) => {
    const text = searched.toLowerCase();
    return words.every((word) => text.includes(word)) ? [index] : [];
  });
  const pointed = matches.includes(state.pointed) ? state.pointed : (matches[0] ?? state.pointed);
  return { ...state, filter, matches, pointed };
}

function toggled({ ticked, matches, pointed }: State): ReadonlySet<number> {
  if (!matches.includes(pointed)) return ticked;
  return ticked.has(pointed)
    ? new Set([...ticked].filter((index) => index !== pointed))
    : new Set([...ticked, pointed]);
}

interface Page {
  /** The index of the first match that is shown. */
  readonly first: number;
  readonly shown: readonly number[];
}

/** The pointer is in the middle, except near both ends. */
function pageOf({ matches, pointed }: State, size: number): Page {
  const middle = matches.indexOf(pointed) - Math.floor(size / 2);
  const first = Math.max(0, Math.min(middle, matches.length - size));
  return { first, shown: matches.slice(first, first + size) };
}

/** `2 ticked, 1 of them not shown; lines 1 to 10 of 14 that match`. */
function statusLine({ ticked, matches, filter }: State, { first, shown }: Page): string {
  const hidden = [...ticked].filter((index) => !shown.includes(index)).length;
  const count = `${grouped(ticked.size)} ticked${hidden === 0 ? '' : `, ${grouped(hidden)} of them not shown`}`;
  if (matches.length === 0) return `${count}; nothing matches`;
  const [from, to] = [grouped(first + 1), grouped(first + shown.length)];
  const lines = `${shown.length === 1 ? `line ${from}` : `lines ${from} to ${to}`} of ${grouped(matches.length)}`;
  return `${count}; ${lines}${filter === '' ? '' : ` that ${inNumber(matches.length, 'matches', 'match')}`}`;
}
