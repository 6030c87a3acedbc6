import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('load.js', import.meta.url));

/** Starts the load of `load.js` in a process of its own; resolves once it works. */
export async function startLoad(options) {
  // Where a column knows no zone, the wall clock that is written is UTC's.
  const child = spawn(process.execPath, [program], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, TZ: 'UTC' },
  });
  let complaint = '';
  child.stderr.on('data', (text) => (complaint += text));
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(() => {
    throw new Error(`the load has ended by itself: ${complaint}`);
  });
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout });
  const nextMessage = async () => {
    const [line] = await Promise.race([once(lines, 'line'), ended]);
    return JSON.parse(line);
  };
  child.stdin.write(`${JSON.stringify(options)}\n`);
  await nextMessage();
  return {
    stop: async () => {
      child.stdin.end('stop\n');
      const { finished } = await nextMessage();
      return finished;
    },
  };
}
