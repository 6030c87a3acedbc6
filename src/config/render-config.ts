import { escapeReferences } from './references.ts';

/** The source of the auth database's URL. */
export type UrlReference =
  | { readonly kind: 'variable'; readonly name: string }
  /** Text with several references, or with a reference and more: `postgres://${USER}@db/auth`. */
  | { readonly kind: 'references'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'literal'; readonly url: string };

/** A setting below the profile that replaces the commented-out default. */
export interface DraftSetting {
  /** For example `session.expires_in`. */
  readonly key: string;
  /** In text, `${NAME}` refers to a variable. */
  readonly value: string | number | boolean;
  /** Its source, added as a comment, such as `src/auth.ts:12`. */
  readonly from: string;
  /** False writes it as a comment, without effect. */
  readonly isActive: boolean;
}

export interface ProfileDraft {
  readonly name: string;
  readonly url: UrlReference;
  /** Null sets none. */
  readonly timeZone: string | null;
  /** A file of variables that the environment does not have. */
  readonly envFile: string | null;
  readonly settings: readonly DraftSetting[];
  /** Steps that the operator must do by hand, one per line. */
  readonly remarks: readonly string[];
}

/** A commented configuration file with one profile; commented-out lines show the defaults. */
export function renderConfig(draft: ProfileDraft): string {
  const table = `profiles.${keyText(draft.name)}`;
  const zone = `time_zone = ${tomlString(draft.timeZone ?? 'UTC')}`;
  const envFile = `env_file = ${tomlString(escapeReferences(draft.envFile ?? '.env'))}`;
  return `# Configuration of sessionctl.
# \`sessionctl config show\` shows which settings are in effect and why, \`sessionctl config check\` shows problems.
# In every string, \${NAME} stands for an environment variable: keep secrets there, not here.

default_profile = ${tomlString(draft.name)}

[${table}]
# One of url, url_file (a file that holds the URL) and url_command (a command that prints it).
${urlLine(draft.url)}

# Variables that the environment does not have are looked for in this file.
${draft.envFile === null ? `# ${envFile}` : envFile}

# Time zone of the servers that run the application: it decides what times without a zone mean.
# An IANA name or an offset: "UTC", "Europe/Berlin", "+05:30".
${draft.timeZone === null ? `# ${zone}` : zone}

# statement_timeout = "60s"
# connect_timeout = "10s"
${remarkLines(draft.remarks)}
# [${table}.tls]
# ca = "ca.pem"
# reject_unauthorized = true

${sections.map((section) => sectionText(section, table, draft.settings)).join('\n\n')}
`;
}

interface Section {
  readonly name: string;
  readonly about: string;
  /** Keys with their defaults, or with examples. */
  readonly lines: readonly (readonly [key: string, example: string])[];
}

const sections: readonly Section[] = [
  {
    name: 'schema',
    about: "Only where the tables are not recognised, with Better Auth's own field names on the left.",
    lines: [
      ['database_schema', '"auth"'],
      ['table', '"auth_sessions"'],
      ['user_table', '"members"'],
      ['columns', '{ userId = "account_holder" }'],
      ['user_columns', '{ email = "mail" }'],
      ['verification_table', '"verification_tokens"'],
      ['verification_columns', '{ value = "code" }'],
    ],
  },
  {
    name: 'redis',
    about: 'Secondary storage, where the application uses it.',
    lines: [
      ['url', '"redis://localhost:6379"'],
      ['key_prefix', '"better-auth:"'],
      ['cluster', 'false'],
    ],
  },
  {
    name: 'session',
    about:
      "The application's betterAuth({ session }) options, where they differ from these defaults of Better Auth.",
    lines: [
      ['expires_in', '"7d"'],
      ['update_age', '"1d"'],
      ['disable_refresh', 'false'],
      ['defer_refresh', 'false'],
      ['fresh_age', '"1d"'],
      ['cookie_cache', '{ enabled = false, max_age = "5m", strategy = "compact", version = "1" }'],
      ['secondary_storage', 'true           # false if the application uses no Redis'],
      ['store_in_database', 'false'],
      ['preserve_in_database', 'false'],
      ['maximum_sessions', '5               # no default; limit keeps this many per user'],
    ],
  },
  {
    name: 'ip',
    about: "The application's betterAuth({ advanced: { ipAddress } }) option: 32, 48, 64 or 128.",
    lines: [['ipv6_subnet', '64']],
  },
  {
    name: 'auth',
    about: "The secret and names of the application's cookies, and its release of Better Auth.",
    lines: [
      ['secret', '"${BETTER_AUTH_SECRET}"'],
      ['base_url', '"https://app.example.com"'],
      ['cookie_prefix', '"better-auth"'],
      ['release', '"1.7.25"'],
      ['jwt_expires_in', '"15m"'],
    ],
  },
];

function sectionText(
  { name, about, lines }: Section,
  table: string,
  settings: readonly DraftSetting[],
): string {
  const own = settings.filter(({ key }) => key.startsWith(`${name}.`));
  const isActive = own.some((setting) => setting.isActive);
  const texts = lines.map(([key, example]) => {
    const given = own.filter((setting) => setting.key.split('.')[1] === key);
    const [first] = given;
    if (first === undefined) return `# ${key} = ${example}`;
    const line = `${key} = ${valueText(given)}   # ${commentText(placesOf(given).join(', '))}`;
    return first.isActive ? line : `# ${line}`;
  });
  return [`# ${about}`, `${isActive ? '' : '# '}[${table}.${name}]`, ...texts].join('\n');
}

/** The sources of the values. A place is not repeated for an assumed value from the same place. */
function placesOf(settings: readonly DraftSetting[]): readonly string[] {
  const places = [...new Set(settings.map(({ from }) => from))];
  return places.filter((place) => !places.some((other) => other.startsWith(`${place} (`)));
}

/** A value, or an inline table of the settings one level below the key. */
function valueText(settings: readonly DraftSetting[]): string {
  const entries = settings.map(({ key, value }) => {
    const inner = key.split('.').slice(2).join('.');
    const text = typeof value === 'string' ? tomlString(value) : String(value);
    return inner === '' ? text : `${keyText(inner)} = ${text}`;
  });
  const isTable = settings.some(({ key }) => key.split('.').length > 2);
  return isTable ? `{ ${entries.join(', ')} }` : entries.join('');
}

function remarkLines(remarks: readonly string[]): string {
  if (remarks.length === 0) return '';
  return `\n# To check by hand:\n${remarks.map((remark) => `# - ${commentText(remark)}\n`).join('')}`;
}

/** Keeps the text on one line, since a comment ends with its line. */
function commentText(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function urlLine(url: UrlReference): string {
  switch (url.kind) {
    case 'variable':
      return `url = ${tomlString(`\${${url.name}}`)}`;
    case 'references':
      return `url = ${tomlString(url.text)}`;
    case 'file':
      return `url_file = ${tomlString(escapeReferences(url.path))}`;
    case 'command':
      return `url_command = ${tomlString(escapeReferences(url.command))}`;
    case 'literal':
      return `url = ${tomlString(escapeReferences(url.url))}`;
    default:
      return url satisfies never;
  }
}

/**
 * A basic string of TOML: JSON's escapes are valid in TOML, and DEL is the only control character that only TOML
 * requires to be escaped.
 */
function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

function keyText(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : tomlString(name);
}
