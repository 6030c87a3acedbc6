import { escapeReferences } from './references.ts';

/** Where the URL of the auth database stands. */
export type UrlReference =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'literal'; readonly url: string };

export interface ProfileDraft {
  readonly name: string;
  readonly url: UrlReference;
  /** Null leaves it open. */
  readonly timeZone: string | null;
}

/** A commented configuration file with one profile; what is commented out shows its default. */
export function renderConfig(draft: ProfileDraft): string {
  const table = `profiles.${keyText(draft.name)}`;
  const zone = `time_zone = ${tomlString(draft.timeZone ?? 'UTC')}`;
  return `# Configuration of sessionctl.
# \`sessionctl config show\` says what is in effect and why, \`sessionctl config check\` what is wrong.
# In every string, \${NAME} stands for an environment variable: keep secrets there, not here.

default_profile = ${tomlString(draft.name)}

[${table}]
# One of url, url_file (a file that holds the URL) and url_command (a command that prints it).
${urlLine(draft.url)}

# Time zone of the servers that run the application: it decides what times without a zone mean.
# An IANA name or an offset: "UTC", "Europe/Berlin", "+05:30".
${draft.timeZone === null ? `# ${zone}` : zone}

# statement_timeout = "60s"
# connect_timeout = "10s"

# [${table}.tls]
# ca = "ca.pem"
# reject_unauthorized = true

# Only where the tables are not recognised, with Better Auth's own field names on the left.
# [${table}.schema]
# table = "auth_sessions"
# user_table = "members"
# columns = { userId = "account_holder" }

# Secondary storage, where the application uses it.
# [${table}.redis]
# url = "redis://localhost:6379"
# key_prefix = "better-auth:"

# What the application's betterAuth({ session }) says, where it differs from these defaults of Better Auth.
# [${table}.session]
# expires_in = "7d"
# update_age = "1d"
# fresh_age = "1d"
# cookie_cache = { enabled = false, max_age = "5m", version = "1" }
# store_in_database = false
# preserve_in_database = false
# maximum_sessions = 5               # no default; what limit leaves each user

# How the application signs and calls its cookies, for verify, create and doctor.
# [${table}.auth]
# secret = "\${BETTER_AUTH_SECRET}"
# base_url = "https://app.example.com"
# cookie_prefix = "better-auth"
`;
}

function urlLine(url: UrlReference): string {
  switch (url.kind) {
    case 'variable':
      return `url = ${tomlString(`\${${url.name}}`)}`;
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
