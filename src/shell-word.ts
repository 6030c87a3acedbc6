/** A word of a command line as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Ids as the last words of a command line. One that begins with a dash would be taken for an option. */
export function idArguments(ids: readonly string[]): string {
  const words = ids.map(shellWord).join(' ');
  return ids.some((id) => id.startsWith('-')) ? `-- ${words}` : words;
}
