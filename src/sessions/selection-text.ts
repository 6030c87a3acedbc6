import type { SelectionWords } from './selection.ts';

/** The selecting options as they would be typed, in one order whatever the order they were typed in. */
export function selectionInWords(words: SelectionWords): string {
  const options: readonly (readonly [string, string | boolean | readonly string[] | undefined])[] = [
    ['--user', words.user],
    ['--ip', words.ip],
    ['--user-agent', words.userAgent],
    ['--created-after', words.createdAfter],
    ['--created-before', words.createdBefore],
    ['--active-after', words.activeAfter],
    ['--idle-since', words.idleSince],
    ['--expires-before', words.expiresBefore],
    ['--expires-after', words.expiresAfter],
    ['--impersonated', words.impersonated],
    ['--impersonated-by', words.impersonatedBy],
    ['--state', words.state],
    ['--except-user', words.exceptUser],
    ['--except-session', words.exceptSession],
    ['--except-ip', words.exceptIp],
  ];
  return options.flatMap(([name, given]) => optionWords(name, given)).join(' ');
}

function optionWords(name: string, given: string | boolean | readonly string[] | undefined): string[] {
  if (given === undefined || given === false) return [];
  if (given === true) return [name];
  return [given].flat().map((value) => `${name} ${quoted(value)}`);
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : JSON.stringify(value);
}
