import { grouped } from '../grouped.ts';
import type { System } from '../system.ts';
import { cutText, ellipsisFor } from './fit-text.ts';
import { safeText } from './safe-text.ts';
import type { Terminal } from './styles.ts';

/** Reports on stderr how far a long run is. */
interface Progress {
  /**
   * `done` of `total`; it may exceed the total. Called after every batch. Never throws and never waits: a terminal that
   * is gone must not stop the work.
   */
  update(done: number): void;
  /** A remark that stays, such as "connection lost, trying again in 2 s". */
  remark(text: string): void;
  /** Clears the line. Always called, in a finally. */
  stop(): void;
}

interface ProgressOptions {
  readonly system: System;
  /** What stderr can show. */
  readonly terminal: Terminal;
  /** Only remarks. */
  readonly quiet: boolean;
  /** `Ending sessions`. */
  readonly what: string;
  /** Null where the total was not counted. */
  readonly total: number | null;
}

/** The window over which the rate is measured. */
const WINDOW = 5000;
/** A rate over a shorter time is chance. */
const MEASURABLE = 1000;
/** Between two lines in a log. */
const BETWEEN_LINES = 5000;
/** Between two frames of the spinner. */
const BETWEEN_FRAMES = 100;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const ASCII_FRAMES = ['-', '\\', '|', '/'];
const CLEAR_LINE = '\r\u001b[K';

/** On a terminal one line that is redrawn, in a log a line from time to time. */
export function startProgress(options: ProgressOptions): Progress {
  const { system, terminal, quiet } = options;
  const write = (text: string) => {
    try {
      system.stderr.write(text, () => undefined);
    } catch {
      // Quiet: nothing is reported.
    }
  };
  const measure = createMeter(options);
  if (quiet) return logProgress(write, () => null);
  // FORCE_COLOR may set colours for a terminal that cannot move its cursor.
  const moves = terminal.interactive && terminal.colour && system.env['TERM'] !== 'dumb';
  return moves ? lineProgress(options, write, measure) : logProgress(write, linesInTime(system.now, measure));
}

function logProgress(write: (text: string) => void, lineFor: (done: number) => string | null): Progress {
  return {
    update: (done) => {
      const line = lineFor(done);
      if (line !== null) write(`${line}\n`);
    },
    remark: (text) => {
      write(`${safeText(text)}\n`);
    },
    stop: () => undefined,
  };
}

/** A line, or null where it is too early for another. */
function linesInTime(now: System['now'], measure: Meter): (done: number) => string | null {
  let lastLineAt = now();
  return (done) => {
    const at = now();
    const { state, left } = measure(done, at);
    // The clock may have been set back.
    if (Math.abs(at - lastLineAt) < BETWEEN_LINES) return null;
    lastLineAt = at;
    return left === null ? state : `${state}, about ${left} left`;
  };
}

/** The cursor stays visible, so that a run that ends at once leaves nothing to restore. */
function lineProgress(
  { system, terminal }: ProgressOptions,
  write: (text: string) => void,
  measure: Meter,
): Progress {
  const frames = terminal.ascii === true ? ASCII_FRAMES : FRAMES;
  let frame = 0;
  let text = '';
  const draw = () => {
    const columns =
      system.stderr.columns === undefined || system.stderr.columns === 0
        ? terminal.width
        : system.stderr.columns;
    // Some terminals start a new line at the last column.
    const width = Math.max(columns - 1, 1);
    write(
      CLEAR_LINE + cutText(`${frames[frame % frames.length] ?? ''} ${text}`, width, ellipsisFor(terminal)),
    );
  };
  const update = (done: number) => {
    const { state, left } = measure(done, system.now());
    text = left === null ? state : `${state}, ${left} left`;
    draw();
  };
  update(0);
  const timer = setInterval(() => {
    frame += 1;
    draw();
  }, BETWEEN_FRAMES);
  return {
    update,
    remark: (remark) => {
      write(`${CLEAR_LINE}${safeText(remark)}\n`);
      draw();
    },
    stop: () => {
      clearInterval(timer);
      write(CLEAR_LINE);
    },
  };
}

interface Measurement {
  /** `Ending sessions: 12,000 of 50,000 (24%), 8,100 a second`. */
  readonly state: string;
  /** `5 s`; null where nothing is left, or the time is not known. */
  readonly left: string | null;
}

type Meter = (done: number, at: number) => Measurement;

interface Sample {
  readonly at: number;
  readonly done: number;
}

function createMeter({ system, what, total }: ProgressOptions): Meter {
  const name = safeText(what);
  let samples: readonly Sample[] = [{ at: system.now(), done: 0 }];
  return (done, at) => {
    samples = [...samples.filter(isIn(samples, at)), { at, done }];
    const state = `${name}: ${share(done, total)}`;
    const rate = rateOf(samples);
    if (rate === null) return { state, left: null };
    return {
      state: `${state}, ${grouped(Number(rate.toPrecision(2)))} a second`,
      left: rate > 0 && total !== null && done < total ? shortLength((total - done) / rate) : null,
    };
  };
}

/** Whether a sample counts for the window that ends now; the one during which the window starts counts too. */
function isIn(samples: readonly Sample[], now: number): (sample: Sample, index: number) => boolean {
  return (_, index) => (samples[index + 1]?.at ?? now) > now - WINDOW;
}

/** Per second; null where the time is too short, or runs backwards because the clock was set. */
function rateOf(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < MEASURABLE) return null;
  return (Math.max(0, last.done - first.done) / (last.at - first.at)) * 1000;
}

function share(done: number, total: number | null): string {
  if (total === null) return grouped(done);
  const [soFar, all] = [grouped(done), grouped(total)];
  if (done > total) return `${soFar}, more than the ${all} expected`;
  const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
  return `${soFar} of ${all} (${String(percent)}%)`;
}

function shortLength(seconds: number): string {
  if (seconds <= 120) return `${String(Math.ceil(seconds))} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes <= 120 ? `${String(minutes)} min` : `${grouped(Math.ceil(minutes / 60))} h`;
}
