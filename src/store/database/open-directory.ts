import type { DatabaseSettings } from '../../config/settings.ts';
import { SchemaError } from '../../errors.ts';
import { connectDatabase, type ConnectOptions } from './connect/connect.ts';
import { createDirectory, type Directory } from './directory.ts';
import { readSchema, userTable } from './schema/read-schema.ts';
import {
  keyColumn,
  handsOutJwts,
  recogniseHistory,
  recogniseSessions,
  recogniseUsersAlone,
  recogniseVerifications,
} from './schema/recognise.ts';
import { namedTables } from './schema/session-columns.ts';
import { recogniseApiKeys, recogniseTokens } from './schema/recognise-plugins.ts';
import { recogniseWaysBack } from './end/ways-back/recognise-ways-back.ts';

/**
 * Opens a database for its data about users and sessions. The sessions themselves need not be in it: with secondary
 * storage alone, Better Auth creates no table for them (better-auth 1.7.25, `getAuthTables`).
 * @throws ConnectionError where the database cannot be reached or refuses, within the connect timeout
 * @throws SchemaError where there is no user table, or several
 */
export async function openDirectory(settings: DatabaseSettings, options: ConnectOptions): Promise<Directory> {
  const connection = await connectDatabase(settings, options);
  const { target, names, guard, close } = connection;
  try {
    const catalog = await guard(() => readSchema(connection));
    const users = recogniseUsersAlone(catalog, names, target.database);
    if (users === null) {
      throw new SchemaError(`${target.database} has no user table of Better Auth`, {
        hint: 'Is this the auth database? If the table has another name, set user_table in [profiles.<name>.schema].',
      });
    }
    const isThere = namedTables(catalog, names).sessions.length > 0;
    const sessions = isThere ? recogniseSessions(catalog, names, target.database) : null;
    const { table } = users;
    const tokens = recogniseTokens(catalog, table);
    const verifications = recogniseVerifications(catalog, table, names);
    return createDirectory({
      ...connection,
      shape: {
        user: userTable(users),
        usersWithoutId: null,
        session:
          sessions === null
            ? null
            : {
                schema: sessions.table.schema,
                name: sessions.table.name,
                userId: keyColumn(sessions.table, sessions.columns.userId),
              },
        tokens,
        apiKeys: recogniseApiKeys(catalog, table),
        handsOutJwts: handsOutJwts(catalog, table),
        waysBack: recogniseWaysBack(catalog, table, verifications, tokens),
        history: recogniseHistory(catalog, table.schema),
        locked: table,
      },
      server: catalog.server,
      now: catalog.now,
      settings,
      options,
    });
  } catch (error) {
    await close();
    throw error;
  }
}
