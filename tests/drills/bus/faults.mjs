// What can become of a bus, and of gateways. Each: its title, where the bus is, and what is done; when that returns, the fault has ended.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { IndependentServers } from '../../node/buses.mjs';
import { RedisCluster, slotOf } from '../../node/redis_cluster.mjs';
import { RedisServer, until } from '../../node/redis_server.mjs';
import { Watched, sentinelSecret } from '../../node/sentinels.mjs';
import { kept, plain } from './load.mjs';

const host = '127.0.0.1';
const secret = 'ding-dong';
const always = ['--appendonly', 'yes', '--appendfsync', 'always'];
const ownFolder = (folder) => ['--dir', mkdtempSync(join(folder, 'redis-'))];

/** Between a gateway and a server: while it swallows, nothing gets through and nobody is told. */
class Swallower {
  static async start(port) {
    const made = new this();
    made.pairs = new Set();
    made.swallows = false;
    made.server = createServer((near) => {
      const far = connect(port, host);
      const pair = [near, far];
      made.pairs.add(pair);
      for (const each of pair) each.on('error', () => {}).on('close', () => { near.destroy(); far.destroy(); made.pairs.delete(pair); });
      near.pipe(far);
      far.pipe(near);
      if (made.swallows) for (const each of pair) each.pause();
    }).listen(0, host);
    await once(made.server, 'listening');
    made.port = made.server.address().port;
    return made;
  }
  swallow() {
    this.swallows = true;
    for (const pair of this.pairs) for (const each of pair) { each.unpipe(); each.pause(); }
  }
  /** What was under way is through with; who connects gets through. */
  heal() {
    this.swallows = false;
    for (const [near, far] of this.pairs) { near.destroy(); far.destroy(); }
  }
  close() {
    this.server.close();
    this.heal();
  }
}

const single = (flags) => async (folder) => {
  const redis = await RedisServer.start({ flags: [...flags, ...ownFolder(folder)] });
  return { redis, urls: [redis.url, redis.url], flags: [], kill: () => redis.kill() };
};

const withPassword = async (folder) => {
  class Guarded extends RedisServer {
    cli(...args) { return super.cli('--no-auth-warning', '--user', 'operator', '--pass', secret, ...args); }
  }
  const redis = await Guarded.start({ flags: [...always, ...ownFolder(folder),
    '--user', 'default', 'on', '>old', '~*', '&*', '+@all', '--user', 'operator', 'on', `>${secret}`, '~*', '&*', '+@all'] });
  const url = `redis://:old@${host}:${redis.port}`;
  return { redis, urls: [url, url], flags: [], kill: () => redis.kill() };
};

const withSwallower = async (folder) => {
  const made = await single(always)(folder);
  const swallower = await Swallower.start(made.redis.port);
  return { ...made, swallower, urls: [made.redis.url, `redis://${host}:${swallower.port}`],
    kill: async () => { swallower.close(); await made.kill(); } };
};

const sentinels = async (folder) => {
  const watched = await Watched.start({ folder, flags: ['--appendonly', 'no'] });
  return { watched, urls: [watched.url, watched.url], flags: ['--bus-sentinel-password', sentinelSecret], kill: () => watched.kill() };
};

const cluster = async (folder) => {
  const made = await RedisCluster.start({ folder });
  return { cluster: made, urls: [made.url, made.url], flags: [], kill: () => made.kill() };
};

const servers = async (folder) => {
  const made = await IndependentServers.start({ folder, flags: () => always });
  return { servers: made, urls: [made.url, made.url], flags: [], kill: () => made.kill() };
};

const killed = async ({ redis }) => {
  await redis.kill();
  await delay(1_000);
  await redis.restart();
};

export const faults = {
  kill: ['`kill -9` of the server, which keeps what it has with `appendfsync always`, and a start a second later', single(always), killed],
  forget: ['`kill -9` of a server that keeps nothing on its disk, and a start a second later', single([]), killed],
  freeze: ['SIGSTOP of the server for 10 s', single(always), async ({ redis }) => {
    redis.pause();
    await delay(10_000);
    redis.resume();
  }],
  sleep: ['`DEBUG SLEEP 5`', single([...always, '--enable-debug-command', 'yes']), ({ redis }) => redis.cli('DEBUG', 'SLEEP', '5')],
  cut: ['`CLIENT KILL TYPE pubsub`, three times', single(always), async ({ redis }) => {
    for (let i = 0; i < 3; ++i) {
      await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await delay(700);
    }
  }],
  overrun: ['an output buffer that overruns (`client-output-buffer-limit pubsub`)', single(always), async ({ redis }) => {
    await redis.cli('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0');
    const flood = `for i = 1, 200 do redis.call('PUBLISH', KEYS[1], string.rep('x', 50000)) end`;
    for (let i = 0; i < 3; ++i) {
      await redis.cli('EVAL', flood, '1', plain[0]);
      await delay(700);
    }
  }],
  flush: ['`FLUSHALL`', single(always), ({ redis }) => redis.cli('FLUSHALL')],
  password: ['another password for 5 s, and all connections cut', withPassword, async ({ redis }) => {
    await redis.cli('ACL', 'SETUSER', 'default', 'resetpass', '>new');
    await redis.cli('CLIENT', 'KILL', 'USER', 'default');
    await delay(5_000);
    await redis.cli('ACL', 'SETUSER', 'default', '>old');
  }],
  partition: ['one gateway cut off for 10 s: nothing gets through, and nobody is told', withSwallower, async ({ swallower }) => {
    swallower.swallow();
    await delay(10_000);
    swallower.heal();
  }],
  replica: ['the server made a replica by mistake, for 5 s', single(always), async ({ redis }) => {
    await redis.cli('REPLICAOF', host, '1');
    await delay(5_000);
    await redis.cli('REPLICAOF', 'NO', 'ONE');
  }],
  planned: ['Sentinels: a failover that is asked for', sentinels, async ({ watched }) => {
    const before = await watched.masterPort();
    await watched.sentinels[0].cli('SENTINEL', 'FAILOVER', 'mymaster');
    await until(async () => await watched.masterPort() !== before, 'there is another master');
  }],
  failover: ['Sentinels: `kill -9` of the master', sentinels, async ({ watched }) => {
    const before = await watched.masterPort();
    await watched.at(before).kill();
    await until(async () => await watched.masterPort() !== before, 'there is another master');
  }],
  migrate: ['a cluster: the slots of three channels go to other primaries', cluster, async ({ cluster: { nodes }, cluster: all }) => {
    for (const channel of kept.slice(0, 3)) {
      const slot = slotOf(channel);
      const from = nodes[slot < 5461 ? 0 : slot < 10923 ? 1 : 2];
      await all.migrate(slot, from, nodes[(nodes.indexOf(from) + 1) % 3]);
    }
  }],
  promote: ['a cluster: `kill -9` of a primary, whose replica takes its place', cluster, async ({ cluster: { nodes } }) => {
    await nodes[0].kill();
    await until(async () => await nodes[3].replication('role') === 'master', 'it has taken its place');
  }],
  one: ['one of three independent servers: `kill -9`, and a start 5 s later', servers, async ({ servers: { servers: all } }) => {
    await all[1].kill();
    await delay(5_000);
    await all[1].restart();
  }],
  gateway: ['`kill -9` of a gateway, whose client goes to the other', single(always), async ({ gateways }) => {
    await gateways[0].kill();
    gateways.shift();
  }],
  update: ['each gateway replaced by one of the other version, its clients going to the other meanwhile', single(always), async ({ gateways, start }) => {
    for (let i = 0; i < 2; ++i) {
      const [leaving] = gateways.splice(0, 1);
      await leaving.stop();
      gateways.push(await start(process.env.OTHER_BINARY));
    }
  }],
};
