import type { ReadStream } from 'node:tty';
import { spawn } from '@lydell/node-pty';
import headless from '@xterm/headless';
import { bareEnvironment, binaryPath, emptyDirectory } from './run-sessionctl.ts';

export interface Screen {
  /** What a person sees, line by line from the first one on, without what is empty at the end. */
  readonly lines: readonly string[];
  /** Lines that the terminal had to break, since they were wider than it. */
  readonly wrapped: readonly string[];
  readonly title: string;
  /** The program switched to the alternate screen. */
  readonly alternate: boolean;
  /** Anything but the default colours and weights appeared. */
  readonly styled: boolean;
}

export interface TerminalRun {
  readonly pid: number;
  /** Types at the keyboard. */
  readonly type: (keys: string) => void;
  /** Waits until the screen shows the text. */
  readonly shows: (text: string | RegExp) => Promise<void>;
  /** Drags the corner of the window. */
  readonly resize: (columns: number, rows: number) => void;
  /** Closes the window. */
  readonly close: () => void;
  /** Waits for the end of the program. */
  readonly ended: Promise<{ readonly code: number; readonly screen: Screen }>;
  readonly screen: () => Promise<Screen>;
}

export interface TerminalOptions {
  readonly columns: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs the real binary in a pseudo-terminal and draws what it writes on a screen, as a terminal would. */
export function runInTerminal(args: readonly string[], options: TerminalOptions): TerminalRun {
  return runProgramInTerminal(process.execPath, [binaryPath, ...args], options);
}

/** The same of any program, such as a shell. */
export function runProgramInTerminal(
  file: string,
  args: readonly string[],
  options: TerminalOptions,
): TerminalRun {
  const { columns, rows = 200 } = options;
  let title = '';
  const terminal = new headless.Terminal({
    cols: columns,
    rows,
    scrollback: 5000,
    allowProposedApi: true,
    convertEol: false,
  });
  terminal.onTitleChange((changed) => {
    title = changed;
  });
  const child = spawn(file, [...args], {
    name: options.env?.['TERM'] ?? 'xterm-256color',
    cols: columns,
    rows,
    cwd: options.cwd ?? emptyDirectory,
    env: { ...bareEnvironment, ...options.env },
  });
  const socket = keepUntilRead(child);
  const listeners = new Set<() => void>();
  child.onData((data) => {
    terminal.write(data, () => {
      for (const listener of listeners) listener();
    });
  });
  const drawn = async (): Promise<Screen> => {
    await new Promise<void>((resolve) => {
      terminal.write('', resolve);
    });
    return read(terminal, title);
  };
  const ended = new Promise<number>((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal);
    });
  }).then(async (code) => ({ code, screen: await drawn() }));
  const shows = (text: string | RegExp) =>
    new Promise<void>((resolve) => {
      const look = () => {
        const all = read(terminal, title).lines.join('\n');
        if (typeof text === 'string' ? !all.includes(text) : !text.test(all)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  return {
    pid: child.pid,
    type: (keys) => {
      child.write(keys);
    },
    shows,
    resize: (width, height) => {
      terminal.resize(width, height);
      child.resize(width, height);
    },
    close: () => {
      socket.letGo();
      // What the types do not tell of: it lets go of the terminal, as `kill` alone would not.
      (child as unknown as { readonly destroy: () => void }).destroy();
    },
    ended,
    screen: drawn,
  };
}

/** Milliseconds that the end of what a program has written may be on its way once it has ended. */
const LATE = 10_000;

/**
 * Two tenths of a second after the end of a program node-pty stops reading what it has written, so that a busy machine
 * would lose the rest of it. Where the system tells of the end, as Linux does, there is no need to.
 */
function keepUntilRead(child: object): { readonly letGo: () => void } {
  const { _socket: socket } = child as { readonly _socket: ReadStream };
  const destroy = socket.destroy.bind(socket);
  let wanted = false;
  socket.destroy = (error) => {
    if (wanted || error !== undefined || socket.readableEnded) return destroy(error);
    setTimeout(destroy, LATE).unref();
    return socket;
  };
  return {
    letGo: () => {
      wanted = true;
    },
  };
}

function read(terminal: InstanceType<typeof headless.Terminal>, title: string): Screen {
  const buffer = terminal.buffer.active;
  const lines: string[] = [];
  const wrapped: string[] = [];
  let styled = false;
  for (let row = 0; row < buffer.length; row += 1) {
    const line = buffer.getLine(row);
    if (line === undefined) continue;
    const text = line.translateToString(true);
    lines.push(text);
    if (line.isWrapped) wrapped.push(text);
    for (let column = 0; column < line.length; column += 1) {
      const cell = line.getCell(column);
      if (cell !== undefined && !cell.isAttributeDefault()) styled = true;
    }
  }
  while (lines.at(-1) === '') lines.pop();
  return { lines, wrapped, title, styled, alternate: buffer.type === 'alternate' };
}
