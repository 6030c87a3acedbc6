import { escapeReferences } from './references.ts';

/** Where the URL of the auth database stands. */
export type UrlReference =
  | { readonly kind: 'variable'; readonly name: string }
  /** Text that refers to several variables, or to one and more: `postgres://${USER}@db/auth`. */
  | { readonly kind: 'references'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'literal'; readonly url: string };

/** A setting below the profile, in place of the default that is commented out. */
export interface DraftSetting {
  /** `session.expires_in`. */
  readonly key: string;
  /** In text `${NAME}` refers to a variable. */
  readonly value: string | number | boolean;
  /** Said behind it, such as `src/auth.ts:12`. */
  readonly from: string;
  /** False has it written down but not in effect. */
  readonly isActive: boolean;
}

export interface ProfileDraft {
  readonly name: string;
  readonly url: UrlReference;
  /** Null leaves it open. */
  readonly timeZone: string | null;
  /** A file of variables that the environment lacks. */
  readonly envFile: string | null;
  readonly settings: readonly DraftSetting[];
  /** What is left to be done by hand, a line each. */
  readonly remarks: readonly string[];
}

/** A commented configuration file with one profile; what is commented out shows its default. */
export function renderConfig(draft: ProfileDraft): string {
  const table = `profiles.${keyText(draft.name)}`;
  const zone = `time_zone = ${tomlString(draft.timeZone ?? 'UTC')}`;
  const envFile = `env_file = ${tomlString(escapeReferences(draft.envFile ?? '.env'))}`;
  return `# Configuration of sessionctl.
# \`sessionctl config show\` says what is in effect and why, \`sessionctl config check\` what is wrong.
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
      "What the application's betterAuth({ session }) says, where it differs from these defaults of Better Auth.",
    lines: [
      ['expires_in', '"7d"'],
      ['update_age', '"1d"'],
      ['disable_refresh', 'false'],
      ['fresh_age', '"1d"'],
      ['cookie_cache', '{ enabled = false, max_age = "5m", strategy = "compact", version = "1" }'],
      ['secondary_storage', 'true           # false says that the application uses no Redis'],
      ['store_in_database', 'false'],
      ['preserve_in_database', 'false'],
      ['maximum_sessions', '5               # no default; what limit leaves each user'],
    ],
  },
  {
    name: 'ip',
    about: "What the application's betterAuth({ advanced: { ipAddress } }) says: 32, 48, 64 or 128.",
    lines: [['ipv6_subnet', '64']],
  },
  {
    name: 'auth',
    about: 'How the application signs and calls its cookies, and the release of Better Auth that it runs.',
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

/** Where the values come from; a place of which one value is assumed is not named again for another. */
function placesOf(settings: readonly DraftSetting[]): readonly string[] {
  const places = [...new Set(settings.map(({ from }) => from))];
  return places.filter((place) => !places.some((other) => other.startsWith(`${place} (`)));
}

/** A value, or an inline table of those that stand one level below the key. */
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
  return `\n# To be looked at by hand:\n${remarks.map((remark) => `# - ${commentText(remark)}\n`).join('')}`;
}

/** A comment ends with its line. */
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

/** A basic string of TOML: JSON's escapes are among TOML's, and DEL is the one control that only TOML wants escaped. */
function tomlString(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

function keyText(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : tomlString(name);
}
