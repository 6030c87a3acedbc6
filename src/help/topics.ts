import type { ExitCode } from '../errors.ts';
import type { Styles } from '../output/styles.ts';
import { exitCodeLines, exitCodeMeanings } from './exit-codes.ts';
import { columnFor, rowOf, wrapWords, type Item } from './layout.ts';
import { topicSummaries, type TopicName } from './topic-names.ts';

/** A paragraph, or things with their explanations. */
export type TopicBlock = string | readonly Item[];

/** What each topic says, for a terminal, the reference and the man page alike. */
export const topics: Readonly<Record<TopicName, readonly TopicBlock[]>> = {
  'exit-codes': [
    'Scripts can rely on them: a code never changes its meaning. The help of each command lists those that it can end with.',
    exitCodeLines(
      Object.keys(exitCodeMeanings).map((code) => Number(code) as ExitCode),
      {
        0: `${exitCodeMeanings[0]}; sessionctl alone: whatever it finds`,
        1: `${exitCodeMeanings[1]}; verify: not valid; doctor: a check fails; history --verify: it is broken`,
        5: `${exitCodeMeanings[5]}; schema status --check: something is pending`,
      },
    ),
    'Any code but 0 means that what was printed before may be incomplete. After 6 the same command goes on with what is left. A command that is ended by a second signal ends with 6 once it has begun to change something, otherwise with 130.',
  ],
  environment: [
    'An option goes before a variable, a variable before the configuration file, that before defaults.',
    [
      ['SESSIONCTL_PROFILE', 'the profile to use, as --profile'],
      ['SESSIONCTL_CONFIG', 'the configuration file, as --config: no other is looked for'],
      ['SESSIONCTL_DATABASE_URL', 'the auth database, as --url'],
      ['SESSIONCTL_REDIS_URL', 'the Redis of the secondary storage, in place of that of the profile'],
      ['SESSIONCTL_TIME_ZONE', 'of the application that writes, as --time-zone'],
      ['DATABASE_URL', 'the auth database where nothing else names one but the default profile of a file'],
      ['NO_COLOR', 'set to anything: no colour, as --no-color'],
      ['FORCE_COLOR', 'set to anything but 0: colour in pipes as well'],
      ['TERM=dumb', 'no colour, no moving lines, bars in ASCII'],
      ['XDG_CONFIG_HOME', 'where sessionctl/config.toml lies (default: ~/.config)'],
      ['XDG_STATE_HOME', 'where the history is kept, in sessionctl/ (default: ~/.local/state)'],
      ['XDG_CACHE_HOME', 'where the compiled program is kept, in sessionctl/ (default: ~/.cache)'],
      ['NODE_DISABLE_COMPILE_CACHE', 'set to anything: it is not kept'],
    ],
    'Which database is used, the first that applies: --url; the profile of --profile; SESSIONCTL_DATABASE_URL; the profile of SESSIONCTL_PROFILE; DATABASE_URL; default_profile of the file, or its only profile. `sessionctl config show` says where each value came from.',
    'Which file is used, the first that there is: --config; SESSIONCTL_CONFIG; sessionctl.toml in the working directory or a parent of it; $XDG_CONFIG_HOME/sessionctl/config.toml. Files are not merged. A file may refer to any other variable as "${NAME}".',
  ],
  selection: [
    'list, stats, limit and revoke-all select by the same options, so a list with --state all is the preview of a revocation. Different options narrow; an option that may be repeated widens.',
    [
      ['--user, --ip, --user-agent', 'repeatable: any of these'],
      ['--created-after, --created-before', 'by sign-in'],
      ['--active-after, --idle-since', 'by last activity: the sign-in or the last refresh'],
      ['--expires-after, --expires-before', 'by expiry'],
      ['--impersonated, --impersonated-by', 'opened by an administrator as somebody else'],
      ['--state active|expired|all', 'active by default in list, stats and limit; all in revoke-all'],
      ['--except-user, --except-session, --except-ip', 'repeatable: none of these'],
    ],
    'The last refresh is read from updatedAt, and with expires_in in the profile also from expiresAt. Better Auth up to 1.2.8 leaves updatedAt as it is; where that shows, --active-after and --idle-since need expires_in (exit 3).',
    'revoke-all needs at least one option that says who is meant, or --everyone; --state and --except-… only narrow.',
    'A user is named by id or e-mail, an address in any spelling, a network as CIDR, IPv4 or IPv6. Better Auth masks IPv6 addresses to their /64 before it stores them, so an address also selects its neighbours in the same /64; where the application has another length, set ipv6_subnet in [profiles.<name>.ip]. A user agent is matched as a piece of text, in any case.',
    'Nothing is dropped in silence: an unknown user, an empty value, an option given twice that means one thing, and a selection that no session can match are errors.',
    'A session is named by its id, or by a beginning of at least 8 characters that no other has. Where nobody is asked a beginning is half of the id at the most, since what is longer may be the whole id of another session; and ids on stdin are whole ones. An id that begins with a dash stands behind --, and a user as in --user=-abc.',
  ],
  time: [
    'A time is one of:',
    [
      ['2026-11-23', 'midnight of that day, UTC'],
      ['2026-11-23T10:00', 'UTC as well, whatever the local time zone'],
      ['2026-11-23T10:00:00Z', 'UTC; an offset such as +02:00 in place of Z says otherwise'],
      ['90s, 15m, 2h, 7d, 4w', 'so long before the present'],
    ],
    'A length, as of --grace, --expires-in or --max-runtime, is a whole number and s, m, h, d or w; for sweep also ms.',
    'The present is that of the database, never that of this machine. After and before exclude the moment itself. Times in json, jsonl and csv are ISO 8601 in UTC with milliseconds.',
    'Columns without a time zone (timestamp in PostgreSQL, timestamp and datetime in MySQL) hold what the clock of the application showed. --time-zone, SESSIONCTL_TIME_ZONE or time_zone of the profile says where that hangs: an IANA name or an offset. Until then UTC is assumed, and a note says so.',
  ],
  output: [
    'The result goes to stdout; progress, questions, notes, warnings and errors go to stderr. --output (-o) says in which form:',
    [
      ['table', 'for people: fits the terminal, and says on stderr what it left out (the default)'],
      ['json', 'one document; --json is short for it'],
      ['jsonl', 'an object a line, streamed; of list and history'],
      ['csv', 'with a header row, formulas defused; of list and history'],
      ['ids', 'an id a line, for revoke -; of list'],
    ],
    'All but table hold everything: all rows, whole values. Absent values are null. No token is in any output; tokenFingerprint is the beginning of its SHA-256. The one exception is create, which prints the cookie that it made, once.',
    'With json or jsonl an error is a line on stderr as well: {"error":{"code":"…","message":"…","hint":"…"}}, where code is a word for the exit code.',
    'Colour is for terminals, each stream judged by itself; --no-color, NO_COLOR and TERM=dumb switch it off. Nothing is ever asked where stdin or stderr is no terminal, or with --no-input: what would ask needs --yes then, or ends with 2. --quiet leaves warnings and errors.',
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
