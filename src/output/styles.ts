import kleur from 'kleur';
import { understandsUnicode } from './bars.ts';
import type { OutputStream, System } from '../system.ts';

/** What a stream can show: each of stdout and stderr is judged by itself. */
export interface Terminal {
  /** Whether a person looks at it. */
  readonly interactive: boolean;
  readonly colour: boolean;
  /** Columns; what is not a terminal has no width to keep to. */
  readonly width: number;
  /** It shows nothing but ASCII for certain. */
  readonly ascii?: boolean;
}

export interface Styles {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** `NO_COLOR` and `--no-color` win over `FORCE_COLOR`, that over the kind of terminal. */
export function judgeTerminal(stream: OutputStream, env: System['env'], colourWanted: boolean): Terminal {
  const interactive = stream.isTTY === true;
  const forced = isSet(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0';
  const refused = !colourWanted || isSet(env['NO_COLOR']) || env['FORCE_COLOR'] === '0';
  const colour = !refused && (forced || (interactive && env['TERM'] !== 'dumb'));
  // A pseudo-terminal that nobody has given a size says 0.
  const columns = stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns;
  const width = interactive ? columns : Number.POSITIVE_INFINITY;
  return { interactive, colour, width, ascii: interactive && !understandsUnicode(env) };
}

/** The signs beyond ASCII in what sessionctl itself says. */
const SIGNS: Readonly<Record<string, string>> = { '…': '...', '’': "'" };

/** Text as a terminal can show it: those signs in ASCII where it has nothing else. What comes from outside stays as it is. */
export function forTerminal(text: string, { ascii }: Pick<Terminal, 'ascii'>): string {
  return ascii === true ? text.replace(/[…’]/g, (sign) => SIGNS[sign] ?? sign) : text;
}

const plain = (text: string) => text;

export function stylesFor(terminal: Terminal): Styles {
  if (!terminal.colour)
    return { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };
  // kleur decides once for the process, and from stdout alone; here the stream has been judged already.
  kleur.enabled = true;
  return {
    bold: (text) => kleur.bold(text),
    dim: (text) => kleur.dim(text),
    red: (text) => kleur.red(text),
    green: (text) => kleur.green(text),
    yellow: (text) => kleur.yellow(text),
    cyan: (text) => kleur.cyan(text),
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
