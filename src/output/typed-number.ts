import { grouped } from '../grouped.ts';

/** How many times the reminder is shown. */
const COMPLAINTS = 3;

/** Checks what is typed to confirm a number: true is an answer, any other text is a reminder of what is expected. */
export function numberValidation(expected: number): (text: string) => string | true {
  let complaints = 0;
  return (text) => {
    if (isNo(text) || isNumber(text, expected) || complaints === COMPLAINTS) return true;
    complaints += 1;
    return `Type ${grouped(expected)} to continue, or press Enter to stop.`;
  };
}

function isNo(text: string): boolean {
  return /^(?:no?)?$/i.test(text.trim());
}

/** `12000`, `12,000`, `12 000`, `12.000`, `12_000`. */
export function isNumber(text: string, expected: number): boolean {
  const typed = text.trim();
  const grouped = /^(?:\d+|\d{1,3}([\s,._])\d{3}(?:\1\d{3})*)$/.test(typed);
  return grouped && typed.replaceAll(/\D/g, '') === String(expected);
}
