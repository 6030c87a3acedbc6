import { grouped } from '../grouped.ts';
import { millisecondsOf, toInstant, type Instant } from '../sessions/instant.ts';
import type { Bars } from './bars.ts';
import { counted } from './counted.ts';
import { cutText, terminalText, textWidth } from './fit-text.ts';
import { labelledLines, type LabelledLine } from './labelled-lines.ts';
import { placeName } from './revocation-plan.ts';
import { shortAddress } from './short-address.ts';
import { lastDays, type StatsReport } from './stats-report.ts';
import type { Styles, Terminal } from './styles.ts';

interface StatsTextOptions {
  readonly terminal: Terminal;
  readonly styles: Styles;
  readonly bars: Bars;
  /** The bounds of the selected sign-ins: days beyond them are not drawn, since they would look empty. */
  readonly created: { readonly after: Instant | null; readonly before: Instant | null };
}

/** The most lines of each list. */
const LISTED = 10;
const DAYS = 14;
const DAY = 24 * 3_600_000;
/** Columns that the line of hours takes, with its title. */
const WIDTH_OF_HOURS = 42;
/** From this width on there is room to explain the line of hours. */
const WIDTH_OF_LEGEND = 76;
const WIDEST_BAR = 40;
const NARROWEST_BAR = 8;

interface Row {
  readonly name: string;
  readonly sessions: number;
}

/** The report as a screen: figures, then lists with bars; in a pipe without the bars and the line of hours. */
export function statsText(report: StatsReport, options: StatsTextOptions): string {
  const { styles, terminal, bars, created } = options;
  const { totals, state, now, signIns, expiry, userAgents, addresses, networks } = report;
  const { within } = expiry;
  const lastSignIn = created.before !== null && created.before < now ? created.before : now;
  const tomorrow = toInstant(millisecondsOf(now) + (DAYS - 1) * DAY);
  const whole =
    terminal.interactive && terminal.width >= WIDTH_OF_HOURS
      ? `  ${bars.sparkline(signIns.byHour)}${terminal.width < WIDTH_OF_LEGEND ? '' : '  (a column an hour, 0 to 23 UTC)'}`
      : '';
  const head: readonly (LabelledLine | false)[] = [
    { label: 'database', value: placeName(report.target), style: styles.bold },
    { label: 'selected', value: report.selection === '' ? 'everything' : report.selection },
    {
      label: 'total',
      value: `${counted(totals.sessions, 'session')}: ${grouped(totals.active)} active, ${grouped(totals.expired)} expired`,
    },
    {
      label: 'shown',
      value: `${state === 'all' ? counted(report.sessions, 'session') : counted(report.sessions, `${state} session`)} of ${counted(report.users, 'user')}${report.sessionsPerUser === null ? '' : `, ${grouped(report.sessionsPerUser)} each`}; all figures below are of ${state === 'all' ? 'all of them' : 'these'}`,
      style: styles.bold,
    },
    {
      label: 'expired, not yet swept',
      value:
        report.backlog === null
          ? 'nothing: rows are kept as records'
          : counted(report.backlog, 'expired session'),
    },
    report.impersonations !== null && {
      label: 'impersonated',
      value: `${counted(report.impersonations.sessions, 'session')} by ${counted(report.impersonations.administrators, 'administrator')}`,
    },
    {
      label: 'expiring',
      value: `${grouped(within['1h'])} in an hour, ${grouped(within['1d'])} in a day, ${grouped(within['7d'])} in 7 days, ${grouped(within['30d'])} in 30 days, ${grouped(expiry.later)} later`,
    },
    signIns.undated > 0 && { label: 'without a date', value: counted(signIns.undated, 'session') },
  ];
  const peak = signIns.byHour.indexOf(Math.max(...signIns.byHour));
  const sections = [
    labelledLines(
      head.filter((line) => line !== false),
      terminal,
      styles,
    ),
    section(
      'Sign-ins by day (UTC)',
      lastDays(signIns.byDay, lastSignIn, DAYS, created.after).map(dayRow),
      options,
      true,
    ),
    report.sessions === 0
      ? ''
      : `${styles.bold('Sign-ins by hour')}${whole}\n  most from ${hour(peak)} to ${hour(peak + 1)} UTC: ${grouped(signIns.byHour[peak] ?? 0)}\n`,
    section('Expiring by day (UTC)', lastDays(expiry.byDay, tomorrow, DAYS).map(dayRow), options, true),
    section('Users with most sessions', report.holders.map(holderRow), options),
    section(
      'Devices',
      (report.devices ?? []).map(({ device, sessions }) => ({ name: device, sessions })),
      options,
    ),
    section(
      'Operating systems',
      (report.systems ?? []).map(({ system, sessions }) => ({ name: system, sessions })),
      options,
    ),
    userAgents === null
      ? notKnown('Devices', 'userAgent', options)
      : rest([
          [userAgents.unread, 'with a user agent too rare to be parsed'],
          [userAgents.absent, 'without a user agent'],
        ]),
    addresses === null
      ? notKnown('Addresses', 'ipAddress', options)
      : section(
          `Addresses (${grouped(addresses.distinct)} different)`,
          addresses.top.map(({ ipAddress, sessions }) => ({
            name: terminalText(shortAddress(ipAddress) ?? ''),
            sessions,
          })),
          options,
        ),
    rest([[addresses?.absent ?? 0, 'without an address']]),
    section(
      `Networks, /24 and /48 (${grouped(networks?.distinct ?? 0)} different)`,
      (networks?.top ?? []).map(({ network, sessions }) => ({ name: network, sessions })),
      options,
    ),
  ];
  return sections.filter((text) => text !== '').join('\n');
}

function section(title: string, rows: readonly Row[], options: StatsTextOptions, all = false): string {
  const { styles, terminal, bars } = options;
  if (!rows.some(({ sessions }) => sessions > 0)) return '';
  const shown = all ? rows : rows.slice(0, LISTED);
  const numbers = shown.map(({ sessions }) => grouped(sessions));
  const numberWidth = Math.max(...numbers.map((text) => text.length));
  const natural = Math.max(...shown.map(({ name }) => textWidth(name)));
  const nameWidth = terminal.interactive
    ? Math.max(Math.min(natural, terminal.width - numberWidth - NARROWEST_BAR - 6), 10)
    : natural;
  const largest = Math.max(...shown.map(({ sessions }) => sessions));
  const barWidth = Math.min(WIDEST_BAR, terminal.width - nameWidth - numberWidth - 6);
  const lines = shown.map(({ name, sessions }, at) => {
    const cut = cutText(name, nameWidth, bars.ellipsis);
    const drawn =
      terminal.interactive && barWidth >= NARROWEST_BAR && sessions > 0
        ? `  ${styles.cyan(bars.bar(sessions, largest, barWidth))}`
        : '';
    return `  ${cut}${' '.repeat(nameWidth - textWidth(cut))}  ${(numbers[at] ?? '').padStart(numberWidth)}${drawn}`;
  });
  const more = all ? 0 : rows.length - shown.length;
  const tail =
    more > 0 ? [styles.dim(`  ${bars.ellipsis} and more (--json names ${grouped(rows.length)})`)] : [];
  return `${[styles.bold(title), ...lines, ...tail].join('\n').replace(/ +$/gm, '')}\n`;
}

function notKnown(title: string, field: string, { styles }: StatsTextOptions): string {
  return `${styles.bold(title)}\n  not known: the session table has no column for ${field} (sessionctl doctor)\n`;
}

function rest(parts: readonly (readonly [sessions: number, what: string])[]): string {
  const told = parts.filter(([sessions]) => sessions > 0);
  return told.map(([sessions, what]) => `  ${counted(sessions, 'session')} ${what}\n`).join('');
}

function hour(at: number): string {
  return `${String(at).padStart(2, '0')}:00`;
}

function dayRow({ day, sessions }: StatsReport['signIns']['byDay'][number]): Row {
  return { name: day, sessions };
}

function holderRow({ userId, userEmail, sessions }: StatsReport['holders'][number]): Row {
  return { name: terminalText(userEmail ?? userId), sessions };
}
