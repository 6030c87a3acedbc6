import kleur from 'kleur';
import { understandsUnicode } from './bars.ts';
import type { OutputStream, System } from '../system.ts';

/** What a stream can show. stdout and stderr are judged separately. */
export interface Terminal {
  /** Whether it is a terminal that a person reads. */
  readonly interactive: boolean;
  readonly colour: boolean;
  /** Columns; what is not a terminal has no width to keep to. */
  readonly width: number;
  /** It shows only ASCII. */
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

/** `NO_COLOR` and `--no-color` override `FORCE_COLOR`, which overrides the kind of terminal. */
export function judgeTerminal(stream: OutputStream, env: System['env'], colourWanted: boolean): Terminal {
  const interactive = stream.isTTY === true;
  const forced = isSet(env['FORCE_COLOR']) && env['FORCE_COLOR'] !== '0';
  const refused = !colourWanted || isSet(env['NO_COLOR']) || env['FORCE_COLOR'] === '0';
  const colour = !refused && (forced || (interactive && env['TERM'] !== 'dumb'));
  // A pseudo-terminal whose size is not set says 0.
  const columns = stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns;
  const width = interactive ? columns : Number.POSITIVE_INFINITY;
  return { interactive, colour, width, ascii: interactive && !understandsUnicode(env) };
}

/** The characters beyond ASCII in sessionctl's own texts. */
const SIGNS: Readonly<Record<string, string>> = { '…': '...', '’': "'" };

/**
 * Text as a terminal can show it: those characters in ASCII where the terminal has no others. Text from outside is not
 * changed.
 */
export function forTerminal(text: string, { ascii }: Pick<Terminal, 'ascii'>): string {
  return ascii === true ? text.replace(/[…’]/g, (sign) => SIGNS[sign] ?? sign) : text;
}

const plain = (text: string) => text;

export function stylesFor(terminal: Terminal): Styles {
  if (!terminal.colour)
    return { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };
  // kleur decides once for the process, and from stdout only; here each stream has been judged already.
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
