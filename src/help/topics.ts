import type { ExitCode } from '../errors.ts';
import type { Styles } from '../output/styles.ts';
import { exitCodeLines, exitCodeMeanings } from './exit-codes.ts';
import { columnFor, rowOf, wrapWords, type Item } from './layout.ts';
import { topicSummaries, type TopicName } from './topic-names.ts';

/** A paragraph, or terms with their explanations. */
export type TopicBlock = string | readonly Item[];

/** The text of each topic, for the terminal, the reference and the man page. */
export const topics: Readonly<Record<TopicName, readonly TopicBlock[]>> = {
  'exit-codes': [
    'Scripts can rely on them: a code never changes its meaning. The help of each command lists its exit codes.',
    exitCodeLines(
      Object.keys(exitCodeMeanings).map((code) => Number(code) as ExitCode),
      {
        0: `${exitCodeMeanings[0]}; sessionctl without a command: always`,
        1: `${exitCodeMeanings[1]}; verify: not valid; doctor: a check fails; history --verify: it is broken`,
        5: `${exitCodeMeanings[5]}; schema status --check: something is pending`,
      },
    ),
    'With any code except 0, the output may be incomplete. After 6, run the same command again: it continues with what is left. A second signal ends a command with 6 if it has started to change something, otherwise with 130.',
  ],
  environment: [
    'Options override environment variables, variables override the configuration file, and the file overrides defaults.',
    [
      ['SESSIONCTL_PROFILE', 'the profile to use, as --profile'],
      ['SESSIONCTL_CONFIG', 'the configuration file, as --config: no other file is read'],
      ['SESSIONCTL_DATABASE_URL', 'the auth database, as --url'],
      ['SESSIONCTL_REDIS_URL', 'the Redis of the secondary storage, instead of that of the profile'],
      ['SESSIONCTL_TIME_ZONE', 'the time zone of the application that writes, as --time-zone'],
      ['DATABASE_URL', 'the auth database, if only a file that was found names another'],
      ['NO_COLOR', 'any value: no colour, as --no-color'],
      ['FORCE_COLOR', 'any value except 0: colour in pipes too'],
      ['TERM=dumb', 'no colour, no moving lines, bars in ASCII'],
      ['XDG_CONFIG_HOME', 'directory of sessionctl/config.toml (default: ~/.config)'],
      ['XDG_STATE_HOME', 'directory of the history, in sessionctl/ (default: ~/.local/state)'],
      [
        'XDG_CACHE_HOME',
        'directory where Node keeps the compiled program, in sessionctl/ (default: ~/.cache)',
      ],
      ['NODE_DISABLE_COMPILE_CACHE', 'any value: the compiled program is not kept'],
    ],
    'The database is the first of these that applies: --url; the profile of --profile; SESSIONCTL_DATABASE_URL; the profile of SESSIONCTL_PROFILE; default_profile, or the only profile, of a file that --config or SESSIONCTL_CONFIG names; DATABASE_URL; the same of a file that was found. `sessionctl config show` shows where each value came from.',
    'The configuration file is the first of these that exists: --config; SESSIONCTL_CONFIG; sessionctl.toml in the working directory or a parent of it; $XDG_CONFIG_HOME/sessionctl/config.toml. Files are not merged. A file may refer to any other variable as "${NAME}".',
  ],
  selection: [
    'list, stats, limit and revoke-all select by the same options, so a list with --state all is the preview of a revocation. Different options narrow the selection; repeating an option widens it.',
    [
      ['--user, --ip, --user-agent', 'repeatable: any of these'],
      ['--created-after, --created-before', 'by sign-in'],
      ['--active-after, --idle-since', 'by last activity: the sign-in or the last refresh'],
      ['--expires-after, --expires-before', 'by expiry'],
      ['--impersonated, --impersonated-by', 'in which an administrator impersonates a user'],
      ['--state active|expired|all', 'active by default in list, stats and limit; all in revoke-all'],
      ['--except-user, --except-session, --except-ip', 'repeatable: none of these'],
    ],
    'The last refresh is read from updatedAt, and with expires_in in the profile also from expiresAt. Better Auth up to 1.2.8 does not change updatedAt; where sessionctl notices that, --active-after and --idle-since need expires_in (exit 3).',
    'revoke-all needs at least one option that selects sessions, or --everyone; --state and --except-… only narrow.',
    'A user is named by id or e-mail, an address in any spelling, a network as CIDR, IPv4 or IPv6. Better Auth masks IPv6 addresses to their /64 before it stores them, so an address also selects its neighbours in the same /64; if the application uses another length, set ipv6_subnet in [profiles.<name>.ip]. A user agent matches if it contains the text, in any case.',
    'Nothing is ignored silently: an unknown user, an empty value, two values for an option that takes one, and a selection that no session can match are errors.',
    'A session is named by its id, or by a unique prefix of at least 8 characters. Without a prompt, a prefix may be at most half as long as the id, since a longer one may be the whole id of another session. Ids on stdin must be whole. Write an id that begins with a dash after --, and such a user as --user=-abc.',
  ],
  time: [
    'A time is one of:',
    [
      ['2026-11-23', 'midnight of that day, UTC'],
      ['2026-11-23T10:00', 'also UTC, in any local time zone'],
      ['2026-11-23T10:00:00Z', 'UTC; an offset such as +02:00 can replace Z'],
      ['90s, 15m, 2h, 7d, 4w', 'this long before now'],
    ],
    'A duration, such as for --grace, --expires-in or --max-runtime, is a whole number and one of s, m, h, d or w; for sweep also ms.',
    'Now is the time of the database, never that of this machine. After and before exclude the moment itself. Times in json, jsonl and csv are ISO 8601 in UTC with milliseconds.',
    'Columns without a time zone (timestamp in PostgreSQL, timestamp and datetime in MySQL) hold what the clock of the application showed. --time-zone, SESSIONCTL_TIME_ZONE or time_zone of the profile sets the zone of that clock: an IANA name or an offset. Until it is set, UTC is assumed, and a note says so.',
  ],
  output: [
    'The result goes to stdout; progress, questions, notes, warnings and errors go to stderr. --output (-o) sets the format of the result:',
    [
      ['table', 'for people (the default): fits the terminal, and lists on stderr what it hides'],
      ['json', 'one document; --json is short for it'],
      ['jsonl', 'one object per line, streamed; for list and history'],
      ['csv', 'with a header row, and formulas made harmless; for list and history'],
      ['ids', 'one id per line, for revoke -; for list'],
      ['count', 'how many there are; for list'],
    ],
    'All formats except table and count hold everything: all rows, whole values. Absent values are null. No token is in any output; tokenFingerprint is the beginning of its SHA-256. The one exception is create, which prints the cookie of the new session once.',
    'With json or jsonl an error is also one line on stderr: {"error":{"code":"…","message":"…","hint":"…"}}, where code is a word for the exit code.',
    'Colour is used on terminals, decided for each stream; --no-color, NO_COLOR and TERM=dumb switch it off. If stdin or stderr is not a terminal, or with --no-input, there are no prompts: a command that would ask needs --yes, or ends with 2. --quiet keeps only warnings and errors.',
  ],
};

/** A topic as a terminal shows it. */
export function topicText(name: TopicName, width: number, { bold }: Styles): string {
  const blocks = topics[name].map((block) => {
    if (typeof block === 'string') return wrapWords(block.split(' '), width);
    return block.flatMap((item) => rowOf(item, columnFor(block), width - 2)).map((line) => `  ${line}`);
  });
  const heading = wrapWords(`${name}: ${topicSummaries[name]}`.split(' '), width).map(bold);
  return `${[heading, ...blocks].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
