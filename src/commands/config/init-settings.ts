import { withoutReferences } from '../../config/references.ts';
import type { DraftSetting, ProfileDraft } from '../../config/render-config.ts';
import type { Settings } from '../../config/settings.ts';
import type { Context } from '../../context.ts';
import { ConfigError } from '../../errors.ts';

interface Draft {
  /** Absolute, where the file will be. */
  readonly path: string;
  readonly draft: ProfileDraft;
}

/** The settings that later runs read from the file. @throws ConfigError as those runs will */
export async function settingsOf(context: Context, { path, draft }: Draft): Promise<Settings> {
  const { renderConfig } = await import('../../config/render-config.ts');
  const { settingsOfText } = await import('../../config/load.ts');
  return settingsOfText(
    { path, text: renderConfig(draft), profile: draft.name },
    context.system,
    context.redactor,
  );
}

/**
 * Comments out a setting that a variable of the application makes invalid, such as a base URL without a scheme: the
 * file has to work, and no answer to a question can change the variable.
 */
export async function withoutRefused(context: Context, { path, draft }: Draft): Promise<ProfileDraft> {
  const settings: DraftSetting[] = [];
  for (const setting of draft.settings) {
    const { key, value } = setting;
    const isOwn = typeof value === 'string' && withoutReferences(value) !== value && key.startsWith('auth.');
    const url = { kind: 'literal', url: 'sqlite:any.db' } as const;
    const isRefused =
      isOwn &&
      setting.isActive &&
      (await settingsOf(context, { path, draft: { ...draft, url, settings: [setting] } }).then(
        () => false,
        (error: unknown) => {
          if (error instanceof ConfigError) return true;
          throw error;
        },
      ));
    settings.push(
      isRefused
        ? { ...setting, from: `${setting.from}, not valid when this was written`, isActive: false }
        : setting,
    );
  }
  return { ...draft, settings };
}
