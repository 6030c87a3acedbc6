import { Option, type Command } from 'commander';
import { collect, OfferingOption, once } from '../command.ts';
import { stateChoices, type SelectionWords } from '../sessions/selection.ts';

/** The selecting options as commander parses them, under the names of `SelectionWords`. */
export type SelectionFlags = SelectionWords;

/** Declares the selecting options. They are the same on every command, so that a list previews a revocation. */
export function addSelectionOptions(command: Command, defaultState: 'active' | 'all'): Command {
  const repeatable = (flags: string, description: string) =>
    new Option(flags, description).argParser(collect);
  const single = (flags: string, description: string) =>
    new Option(flags, description).argParser(once(flags));
  const options = [
    repeatable('--user <id or email>', 'of this user (repeatable)'),
    repeatable('--ip <address or CIDR>', 'from this address or network (repeatable)'),
    repeatable('--user-agent <text>', 'whose user agent contains this, in any case (repeatable)'),
    single('--created-after <time>', 'signed in after: 2026-11-23T10:00Z, or 7d for seven days ago'),
    single('--created-before <time>', 'signed in before'),
    single('--active-after <time>', 'signed in or refreshed after'),
    single('--idle-since <time>', 'neither signed in nor refreshed since'),
    single('--expires-before <time>', 'that expire before'),
    single('--expires-after <time>', 'that expire after'),
    new Option('--impersonated', 'in which an administrator impersonates a user'),
    repeatable(
      '--impersonated-by <id or email>',
      'in which this administrator impersonates a user (repeatable)',
    ),
    new OfferingOption(
      '--state <state>',
      `active, expired or all (default: ${defaultState})`,
      stateChoices,
    ).argParser(once('--state')),
    repeatable('--except-user <id or email>', 'except those of this user (repeatable)'),
    repeatable('--except-session <id>', 'except this session (repeatable)'),
    repeatable('--except-ip <address or CIDR>', 'except those from this address or network (repeatable)'),
  ];
  return options.reduce((declared, option) => declared.addOption(option), command.optionsGroup('Selection'));
}
