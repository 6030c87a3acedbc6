import { parseAddressRange, type AddressRange } from './address.ts';
import { InvalidValueError } from './invalid-value.ts';
import { parseMoment, parsePastMoment, type Moment } from './moment.ts';
import { suggestion } from './nearest.ts';
import { shownValue } from './shown-value.ts';

import { stateChoices, type SelectionRequest, type SelectionWords, type StateChoice } from './selection.ts';

/**
 * Parses the selecting options.
 * @param defaultState the state if `--state` is not given: `active` for reading, `all` for revoking
 * @throws InvalidValueError for an empty or invalid value, naming the option
 */
export function parseSelection(words: SelectionWords, defaultState: StateChoice): SelectionRequest {
  return {
    users: texts('--user', words.user),
    ips: addresses('--ip', words.ip),
    userAgents: texts('--user-agent', words.userAgent),
    createdAfter: moment('--created-after', words.createdAfter, parsePastMoment),
    createdBefore: moment('--created-before', words.createdBefore),
    activeAfter: moment('--active-after', words.activeAfter, parsePastMoment),
    idleSince: moment('--idle-since', words.idleSince),
    expiresBefore: moment('--expires-before', words.expiresBefore),
    expiresAfter: moment('--expires-after', words.expiresAfter),
    impersonated: words.impersonated ?? false,
    impersonators: texts('--impersonated-by', words.impersonatedBy),
    state: words.state === undefined ? defaultState : parseState(words.state),
    exceptUsers: texts('--except-user', words.exceptUser),
    exceptSessions: texts('--except-session', words.exceptSession),
    exceptIps: addresses('--except-ip', words.exceptIp),
  };
}

/** Maximum values of one option: a server compares each with every session. */
const MOST_VALUES = 5000;

function texts(option: string, values: readonly string[] = []): readonly string[] {
  if (values.length > MOST_VALUES) {
    throw new InvalidValueError(
      `${option} was given ${String(values.length)} times; the most is ${String(MOST_VALUES)}`,
      option.startsWith('--except')
        ? 'Give fewer values. Do not split the list over several runs: each run would end the sessions that the others except.'
        : 'Give fewer values, or split the list over several runs.',
    );
  }
  for (const value of values) {
    if (value.trim() === '')
      throw new InvalidValueError(
        `${option} was given an empty value`,
        'Leave the option out, or give a value.',
      );
  }
  return values;
}

function addresses(option: string, values: readonly string[] | undefined): readonly AddressRange[] {
  return texts(option, values).map((value) => named(option, () => parseAddressRange(value)));
}

function moment(option: string, value: string | undefined, parse = parseMoment): Moment | null {
  return value === undefined ? null : named(option, () => parse(value));
}

function parseState(value: string): StateChoice {
  const choice = stateChoices.find((known) => known === value);
  if (choice === undefined)
    throw new InvalidValueError(
      `--state: ${shownValue(value)} is not a state`,
      suggestion(value, stateChoices),
    );
  return choice;
}

/** Runs a parser and puts the option's name before its error message. */
function named<Value>(option: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof InvalidValueError)
      throw new InvalidValueError(`${option}: ${error.message}`, error.hint);
    throw error;
  }
}
