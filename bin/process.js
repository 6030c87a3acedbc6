'use strict';
const { closeSync, mkdirSync, readFileSync, statSync } = require('node:fs');
const { enableCompileCache } = require('node:module');
const { hostname, userInfo } = require('node:os');
const { isAbsolute, join } = require('node:path');
const { isatty } = require('node:tty');

const stop = new AbortController();
let asked = false;
let changes = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    // The second one ends at once, whatever the first is waiting for.
    if (asked) exit(changes ? 6 : 130);
    asked = true;
    stop.abort(signal);
  });
}
// A terminal that closes tells its shell and its programs, and the shell tells them again: it is nobody's second wish.
process.on('SIGHUP', () => {
  stop.abort('SIGHUP');
});
// A file that may not grow any further (ulimit -f) is to be an error like a full disk, not a sudden end.
process.on('SIGXFSZ', () => undefined);
// A reader that went away, as `head` does, is a normal end; whoever writes is told through the write's callback.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const onTerminal = [0, 1, 2].filter((fd) => isatty(fd));
/** Made when it is wanted, which most runs do not. */
let input;

const words = process.argv.slice(2);
// Node 20 has none.
if (enableCompileCache !== undefined) {
  const cache = ownCacheDirectory();
  if (cache !== undefined) enableCompileCache(cache);
}
const program = require('../dist/main.cjs');
void run().then((code) => {
  process.exitCode = code;
  // Everything that there is to say has been written. A connection that a server does not let go would keep the process.
  exit();
});

/**
 * Where Node keeps the compiled program from one run to the next. It is code that will run, so nobody else may be able
 * to write there: with sudo, HOME may be another user's.
 * @returns undefined where nothing is kept
 */
function ownCacheDirectory() {
  const { env } = process;
  if (env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  // The XDG specification says that a relative path does not count.
  const [base, below] =
    env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)
      ? [env.XDG_CACHE_HOME, 'sessionctl']
      : [env.HOME, join('.cache', 'sessionctl')];
  try {
    const { uid, mode } = statSync(base);
    if (process.geteuid !== undefined && (uid !== process.geteuid() || (mode & 0o022) !== 0))
      return undefined;
    const directory = join(base, below);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directory;
  } catch {
    // A command is as good without it.
    return undefined;
  }
}

function run() {
  return program.main(words, {
    env: process.env,
    cwd: process.cwd(),
    get stdin() {
      input ??= openStdin();
      return input;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    now: Date.now,
    pid: process.pid,
    inForeground,
    changing: () => {
      changes = true;
    },
    uncaught: () =>
      new Promise((_, reject) => {
        process.on('uncaughtException', reject);
      }),
    operator: () => ({ user: userName(), host: hostname() }),
  });
}

/**
 * Ends now. Node puts terminals back as they were on its way out, and aborts with another exit code where one is gone;
 * it does not mind a stream that is closed.
 */
function exit(code = process.exitCode) {
  for (const fd of lostTerminals()) closeSync(fd);
  process.exit(code);
}

/** Descriptors that were a terminal, which has been closed since. */
function lostTerminals() {
  return onTerminal.filter((fd) => !isatty(fd));
}

function openStdin() {
  const { stdin } = process;
  // A terminal that is closed cannot be read.
  stdin.on('error', () => undefined);
  if (stdin.isTTY) {
    const setRawMode = stdin.setRawMode.bind(stdin);
    // Whoever reads keys puts the terminal back afterwards, and fails where it is gone.
    stdin.setRawMode = (mode) => (isatty(stdin.fd) ? setRawMode(mode) : stdin);
  }
  return stdin;
}

/** Whether the group of this process is the one that its terminal belongs to, as far as the system tells. */
function inForeground() {
  try {
    const [own, terminals] = process.platform === 'linux' ? groupsInProc() : groupsOfPs();
    // Without a terminal that controls it there is nothing that would stop it.
    return !(terminals > 0) || own === terminals;
  } catch {
    return true;
  }
}

function groupsInProc() {
  const text = readFileSync('/proc/self/stat', 'utf8');
  // Behind the name of the program, which may hold anything: state, parent, group, session, terminal, its group.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [Number(fields[2]), Number(fields[5])];
}

function groupsOfPs() {
  const { execFileSync } = require('node:child_process');
  const args = ['-o', 'pgid=', '-o', 'tpgid=', '-p', String(process.pid)];
  const text = execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return text.trim().split(/\s+/).map(Number);
}

/** The name of the user who runs this; in a container the uid may have none. */
function userName() {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
