/** What an application feels of a command that runs beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { measure } from './servers.js';
import { startLoad } from './start-load.js';

/** Milliseconds. An application that is slower while it is alone has more to do than this machine can. */
const KEEPS_UP = 100;
const IDLE_SECONDS = 8;

/**
 * Runs a command on a database's fresh copy, beside the application that was alone there before.
 * @param command makes it, when it is to start
 * @param perSecond operations of the application, half of them sign-ins, half look-ups
 */
export async function beside(database, command, perSecond = 200) {
  await database.refill();
  const load = await startLoad({
    url: database.url,
    secret: 'a secret of forty characters for a bench',
    baseURL: 'http://localhost:3000',
    perSecond,
    signIns: 0.5,
    refreshes: 0,
  });
  // At first Node compiles, and the server writes down the fresh copy.
  await sleep(3000);
  const idleFrom = Date.now();
  await sleep(IDLE_SECONDS * 1000);
  const from = Date.now();
  const measured = await measure(...command());
  const to = Date.now();
  // What was due during the run may be answered after it.
  await sleep(500);
  const done = await load.stop();
  const idle = felt(done, idleFrom, from);
  if (idle.lookUps.p50 > KEEPS_UP) {
    console.log('!! this machine is too busy even for the application alone: what it feels says nothing');
  }
  return { ...measured, idle, busy: felt(done, from, to) };
}

/** What the application felt of the operations that were due between two moments. */
function felt({ lookUps, signIns, errors }, from, to) {
  const within = (operations) => operations.filter(({ at }) => at >= from && at < to);
  return {
    lookUps: spread(within(lookUps)),
    signIns: spread(within(signIns)),
    errors: within(errors),
  };
}

function spread(operations) {
  const times = operations.map(({ ms }) => ms).sort((a, b) => a - b);
  const quantile = (share) => times[Math.floor(times.length * share)] ?? 0;
  return { p50: quantile(0.5), p99: quantile(0.99), max: times.at(-1) ?? 0, count: times.length };
}

/** In a line. */
export function feltText({ lookUps, signIns, errors }) {
  const text = (name, { p50, p99, max, count }) =>
    `${name} p50 ${p50.toFixed(0)} p99 ${p99.toFixed(0)} max ${max.toFixed(0)} ms (${count})`;
  const complaint = errors.length === 0 ? '' : `  ${errors.length} FAILED, such as: ${errors[0].message}`;
  return `${text('look-ups', lookUps)}  ${text('sign-ins', signIns)}${complaint}`;
}
