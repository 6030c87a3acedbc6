import { Command } from 'commander';
import { addSelectionOptions } from '../commands/selection-options.ts';

/** What other tools call the commands. */
const otherCommands: Readonly<Record<string, string>> = {
  ls: 'list',
  ps: 'list',
  sessions: 'list',
  count: 'stats',
  get: 'show',
  info: 'show',
  check: 'doctor',
  rm: 'revoke',
  delete: 'revoke',
  kill: 'revoke',
  logout: 'revoke',
  clean: 'sweep',
  cleanup: 'sweep',
  prune: 'sweep',
  purge: 'sweep',
  log: 'history',
};

/** What other tools call the options. */
const otherOptions: Readonly<Record<string, string>> = {
  '-y': '--yes',
  '--assume-yes': '--yes',
  '--format': '--output',
};

/** A hint for a command that does not exist, if other tools have it; otherwise undefined. */
export function hintForCommand(word: string): string | undefined {
  const name = Object.hasOwn(otherCommands, word) ? otherCommands[word] : undefined;
  return name === undefined ? undefined : `It is called ${name} here: \`sessionctl ${name} --help\`.`;
}

/** A hint for an option that the command does not have; undefined if nothing more is known than that. */
export function hintForOption(command: Command | undefined, option: string): string | undefined {
  if (command?.name() === 'revoke' && isSelecting(option))
    return `revoke ends sessions by id or token. revoke-all takes ${option}; preview it with --dry-run.`;
  const name = Object.hasOwn(otherOptions, option) ? otherOptions[option] : undefined;
  const isThere = name === '--output' || command?.options.some(({ long }) => long === name) === true;
  return name === undefined || !isThere ? undefined : `It is called ${name} here.`;
}

function isSelecting(option: string): boolean {
  return addSelectionOptions(new Command(), 'all').options.some(({ long }) => long === option);
}
