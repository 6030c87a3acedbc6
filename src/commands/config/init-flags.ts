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

/** Where a URL stands, and the file of variables that it takes. */
export interface UrlSource {
  readonly url: UrlReference;
  /** As given: from the working directory. */
  readonly envFile: string | null;
}
