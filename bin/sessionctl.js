#!/usr/bin/env node
import { hostname, userInfo } from 'node:os';
import process from 'node:process';
import { main } from '../dist/main.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    // The second one ends at once, whatever the first is waiting for.
    if (stop.signal.aborted) process.exit(130);
    stop.abort(signal);
  });
}
// A reader that went away, as `head` does, is a normal end; whoever writes is told through the write's callback.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  now: Date.now,
  pid: process.pid,
  operator: () => ({ user: userName(), host: hostname() }),
});
// What was interrupted may still be waiting for a server; everything that there is to say has been written.
if (stop.signal.aborted) process.exit();

/** The name of the user who runs this; in a container the uid may have none. */
function userName() {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
