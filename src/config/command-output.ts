import { spawn } from 'node:child_process';
import { ConfigError } from '../errors.ts';
import type { System } from '../system.ts';

/** Milliseconds: a password manager may wait for a fingerprint, but a forgotten prompt must not wait forever. */
const TIMEOUT = 30_000;
/** Characters; a URL is far shorter. */
const LONGEST_OUTPUT = 65_536;

export interface CommandPlace {
  readonly system: System;
  /** Where the command runs. */
  readonly directory: string;
  /** Milliseconds; 30 s by default. */
  readonly timeout?: number;
}

/**
 * The exact stdout of a shell command.
 * @param label the purpose of the command, which begins every error message
 * @throws ConfigError when it fails, prints too much, or takes longer than the timeout
 */
export function commandOutput(label: string, command: string, place: CommandPlace): Promise<string> {
  const { system, directory, timeout = TIMEOUT } = place;
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      cwd: directory,
      env: { ...system.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: system.signal,
    });
    let stdout = '';
    const fail = (message: string, cause?: unknown) => {
      // The shell's own children may keep the pipes open. Do not wait for them.
      child.stdout.destroy();
      child.stderr.destroy();
      child.kill();
      reject(
        new ConfigError(`${label} ${message}`, {
          hint: 'Run the command by itself to see its output.',
          cause,
        }),
      );
    };
    const timer = setTimeout(() => {
      fail(`took longer than ${String(timeout / 1000)} s`);
    }, timeout);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > LONGEST_OUTPUT) fail('printed more than a URL can hold');
    });
    child.stderr.resume();
    child.on('error', (error) => {
      clearTimeout(timer);
      fail(`cannot be run: ${error.message}`, error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) {
        resolve(stdout);
        return;
      }
      // Its stderr may contain the secret.
      fail(code === null ? `was ended by ${String(signal)}` : `failed with exit status ${String(code)}`);
    });
  });
}
