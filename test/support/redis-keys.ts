import { Cluster, type Redis } from 'ioredis';

/** One server, the master that a Sentinel names, or a Cluster. */
export type RedisClient = Redis | Cluster;

/** Every key that begins so, in pages and in no order; a key may come twice. Blocks nobody. */
export async function* scanKeys(
  client: RedisClient,
  prefix: string,
): AsyncGenerator<{ readonly node: Redis; readonly keys: readonly string[] }> {
  // A Cluster names no masters before it is connected, which it is when it answers.
  if (client instanceof Cluster) await client.ping();
  for (const node of client instanceof Cluster ? client.nodes('master') : [client]) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', `${escapeGlob(prefix)}*`, 'COUNT', 1000);
      cursor = next;
      if (keys.length > 0) yield { node, keys };
    } while (cursor !== '0');
  }
}

/** Deletes the keys that begin so, and no other. */
export async function unlinkKeys(client: RedisClient, prefix: string): Promise<void> {
  for await (const { node, keys } of scanKeys(client, prefix)) {
    const pipeline = node.pipeline();
    // One by one: the keys of a page lie in different slots of a Cluster.
    for (const key of keys) pipeline.unlink(key);
    await pipeline.exec();
  }
}

/** A pattern that matches this text and nothing else. */
function escapeGlob(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
}
