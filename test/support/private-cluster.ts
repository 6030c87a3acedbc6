import { Cluster, type Redis } from 'ioredis';
import { quiet, startPrivateRedis, type PrivateRedis, type RedisPlace } from './private-redis.ts';
import { until } from './until.ts';

/** Three masters with a third of the slots each, and no replicas. */
export interface PrivateCluster extends RedisPlace {
  /** In the order of their slots. A key of a node that is stopped cannot be reached, and neither can the others. */
  readonly nodes: readonly PrivateRedis[];
  readonly connect: () => Cluster;
  readonly stop: () => Promise<void>;
}

const firstSlots = [0, 5461, 10923, 16384] as const;

/** Starts a Cluster, which takes some three seconds: a node waits for two before it serves anybody. */
export async function startPrivateCluster(
  options: { readonly password?: string } = {},
): Promise<PrivateCluster> {
  const nodes: PrivateRedis[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let count = 0; count < 3; count += 1)
      nodes.push(await startPrivateRedis({ ...options, cluster: true }));
    await introduce(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const [first] = nodes;
  if (first === undefined) throw new Error('no node was started');
  return {
    address: { ...first.address, cluster: true },
    nodes,
    connect: () =>
      quiet(
        new Cluster(
          nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
          { redisOptions: first.credentials },
        ),
      ),
    stop,
  };
}

/** What `redis-cli --cluster create` does, without its pauses. */
async function introduce(nodes: readonly PrivateRedis[]): Promise<void> {
  const clients = nodes.map((node) => node.connect());
  try {
    for (const [position, client] of clients.entries()) {
      const [from = 0, to = 0] = firstSlots.slice(position);
      await client.cluster('ADDSLOTSRANGE', from, to - 1);
      // Nodes of the same epoch would have to settle first whose slots are whose.
      await client.cluster('SET-CONFIG-EPOCH', position + 1);
      // Everybody hears of everybody at once; by hearsay it would take longer.
      for (const [other, node] of nodes.entries())
        if (other < position)
          await client.cluster('MEET', '127.0.0.1', node.port, await busPort(clients[other]));
    }
    await until('the Cluster is whole', async () => {
      const told = await Promise.all(clients.map((client) => client.cluster('INFO')));
      return told.every((text) => text.includes('cluster_state:ok') && text.includes('cluster_size:3'));
    });
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function busPort(client: Redis | undefined): Promise<number> {
  const [, port] = (await client?.config('GET', 'cluster-port')) as readonly string[];
  return Number(port);
}
