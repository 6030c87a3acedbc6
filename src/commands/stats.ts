import { defineCommand } from '../command.ts';
import { keepsRecords } from '../config/settings.ts';
import { jsonLine } from '../output/json-text.ts';
import { chooseFormat, reportFormats } from '../output/output-format.ts';
import { noteDoubts } from './address-notes.ts';
import { resolveSelection } from '../sessions/resolve-selection.ts';
import { parseSelection } from '../sessions/parse-selection.ts';
import { selectionInWords } from '../sessions/selection-text.ts';
import { emailsOf } from './emails-of.ts';
import { addSelectionOptions, type SelectionFlags } from './selection-options.ts';
import { noteUnreadable } from './note-unreadable.ts';
import { failForUnreadableKeys } from './unreadable-keys.ts';
import { warnOfMismatch } from './warn-of-mismatch.ts';

export const stats = defineCommand<SelectionFlags>({
  formats: reportFormats,
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 130],
  examples: [
    ['sessionctl stats', 'Count active sessions by day, user, device and network'],
    ['sessionctl stats --state all', 'Count expired sessions too'],
    ['sessionctl stats --created-after 1d --json', 'Count the sign-ins of the last day, for a program'],
    ['sessionctl stats --ip 203.0.113.0/24', 'Count the sessions of one network'],
  ],
  configure: (command) => addSelectionOptions(command, 'active'),
  run: async (context, flags) => {
    const json = chooseFormat(flags, reportFormats) === 'json';
    const request = parseSelection(flags, 'active');
    const settings = await context.settings();
    const preserve = keepsRecords(settings);
    const { ipv6Subnet } = settings.ip;
    await context.withStore('read', async (store) => {
      const selection = await resolveSelection(request, store, ipv6Subnet);
      const figures = await store.figures(selection);
      const { statsReport } = await import('../output/stats-report.ts');
      const report = statsReport(figures, {
        target: store.target,
        now: store.now,
        selection: selectionInWords(flags, context.redactor),
        state: selection.state,
        preserve,
        unreadable: store.target.redis === null ? null : store.unreadable(),
        emails: await emailsOf(
          figures.users.top.map(({ value }) => value),
          store,
        ),
      });
      if (json) {
        await context.print(jsonLine(report, 2));
      } else {
        const { statsText } = await import('../output/stats-text.ts');
        const { barsFor, understandsUnicode } = await import('../output/bars.ts');
        const created = { after: selection.createdAfter, before: selection.createdBefore };
        const bars = barsFor(understandsUnicode(context.system.env));
        await context.print(statsText(report, { ...context.stdout, bars, created }));
        await context.note(`By the database's clock ${store.now}`);
      }
      if (report.sessions === 0) await warnOfMismatch(context, store);
      await noteDoubts(context, store, selection, flags);
      await noteUnreadable(context, store, selection, figures.unreadableTimes);
      for (const caution of store.cautions) await context.note(`note: ${caution}`);
      failForUnreadableKeys(store.unreadable());
    });
    return 0;
  },
});
