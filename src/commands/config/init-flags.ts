import type { GlobalFlags } from '../../flags.ts';
import type { UrlReference } from '../../config/render-config.ts';

/** The options of `config init`. */
export interface InitFlags extends GlobalFlags {
  readonly urlEnv?: string;
  readonly envFile?: string;
  readonly auth?: string;
  readonly redisUrlEnv?: string;
  readonly redisKeyPrefix?: string;
  readonly file?: string;
  readonly force?: boolean;
}

/** The place of a URL, and the file of variables that it uses. */
export interface UrlSource {
  readonly url: UrlReference;
  /** As given, relative to the working directory. */
  readonly envFile: string | null;
}
