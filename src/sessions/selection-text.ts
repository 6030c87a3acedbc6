import type { SelectionWords } from './selection.ts';

/**
 * The selecting options as they would be typed, always in the same order.
 * @param redactor hides secrets that were given as a value: the text is printed, and kept in the history
 */
export function selectionInWords(words: SelectionWords, redactor: { redact(text: string): string }): string {
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
  return redactor.redact(options.flatMap(([name, given]) => optionWords(name, given)).join(' '));
}

function optionWords(name: string, given: string | boolean | readonly string[] | undefined): string[] {
  if (given === undefined || given === false) return [];
  if (given === true) return [name];
  return [given].flat().map((value) => `${name} ${quoted(value)}`);
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : JSON.stringify(value);
}
