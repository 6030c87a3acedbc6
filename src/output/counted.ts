/** `1 session`, `12,000 sessions`. */
export function counted(number: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(number)} ${number === 1 ? noun : plural}`;
}

/** A whole number as `toLocaleString` writes it, whose making of a format costs a start more than all commands together. */
function grouped(number: number): string {
  return String(number).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** The word that goes with a number: `is` with one, `are` with any other. */
export function inNumber(number: number, one: string, many: string): string {
  return number === 1 ? one : many;
}
