// What a bus of several gateways can be, each started for a test file alone.
//   url       what gateways are given; none: each has its own inside, so there is one gateway
//   flags     more of what gateways are given
//   nodes     the servers of which programs may ask something
//   publish   a bare PUBLISH, where a program would do it
//   cut       ends the connections of gateways
//   kill      ends it
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Certificates } from './certificates.mjs';
import { startBus } from './gateway.mjs';
import { RedisCluster } from './redis_cluster.mjs';
import { RedisServer } from './redis_server.mjs';
import { Watched, sentinelSecret } from './sentinels.mjs';

const host = '127.0.0.1';

/** Whether the distribution has that program. */
export const has = (program) => process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));

const cutAll = (servers) => Promise.all(servers.map((each) => each.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')));

const ofOne = (server, url = server.url) => ({
  url,
  flags: [],
  nodes: [server],
  publish: (channel, payload) => server.cli('PUBLISH', channel, payload),
  cut: () => cutAll([server]),
  kill: () => server.kill(),
});

const ofCluster = (cluster, flags = []) => ({
  url: cluster.url,
  flags,
  nodes: cluster.nodes,
  publish: (channel, payload) => cluster.nodes[1].cli('PUBLISH', channel, payload), // any of them will do
  cut: () => cutAll(cluster.nodes.slice(0, 3)),
  kill: () => cluster.kill(),
});

class ValkeyServer extends RedisServer {
  command() { return ['valkey-server', super.command()[1]]; }
}

const withoutHello = ['--rename-command', 'HELLO', ''];

/** Which of the servers, as the URL names them, has a channel: the one with the largest SHA-256 of `SERVER CHANNEL`. */
export const homeOf = (servers, channel) => servers
  .map((server) => ({ server, weight: createHash('sha256').update(`${server} ${channel}`).digest('hex') }))
  .reduce((best, each) => (each.weight > best.weight ? each : best)).server;

export class IndependentServers {
  static async start({ folder, count = 3, flags = () => [] }) {
    const made = new this();
    made.servers = [];
    for (let i = 0; i < count; ++i)
      made.servers.push(await RedisServer.start({ flags: ['--dir', mkdtempSync(join(folder, 'server-')), ...flags(i)] }));
    return made;
  }
  get names() { return this.servers.map(({ port }) => `${host}:${port}`); }
  get url() { return `redis://${this.names.join(',')}`; }
  of(channel) { return this.servers[this.names.indexOf(homeOf(this.names, channel))]; }
  async kill() { await Promise.all(this.servers.map((each) => each.kill())); }
}

/** Name, and what starts it with a folder of its own. */
export const buses = {
  'the bus inside': async () => ({ flags: [], nodes: [], cut: async () => {}, kill: async () => {} }),

  'a carillon-bus': async () => {
    const bus = await startBus();
    return {
      url: `redis://${host}:${bus.ports.bus}`,
      flags: [],
      nodes: [],
      publish: (channel, payload) => bus.redisCli('PUBLISH', channel, payload),
      cut: () => bus.redisCli('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      kill: () => bus.kill(),
    };
  },

  'a Redis': async () => ofOne(await RedisServer.start()),

  'a Valkey': async () => ofOne(await ValkeyServer.start()),

  'a Redis without RESP3': async () => ofOne(await RedisServer.start({ flags: withoutHello })),

  'three Sentinels': async (folder) => {
    const watched = await Watched.start({ folder });
    const master = async () => watched.at(await watched.masterPort());
    return {
      url: watched.url,
      flags: ['--bus-sentinel-password', sentinelSecret],
      nodes: watched.servers,
      publish: async (channel, payload) => (await master()).cli('PUBLISH', channel, payload),
      cut: async () => cutAll([await master()]),
      kill: () => watched.kill(),
    };
  },

  'a cluster': async (folder) => ofCluster(await RedisCluster.start({ folder })),

  'a cluster without RESP3': async (folder) => ofCluster(await RedisCluster.start({ folder, flags: withoutHello })),

  'a cluster with TLS': async (folder) => {
    const made = new Certificates(folder);
    made.authority('authority');
    made.certificate('node', 'authority', `IP:${host}`);
    const [authority, certificate, key] = ['authority.pem', 'node.pem', 'node.key'].map((name) => made.path(name));
    const encrypted = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', authority];
    return ofCluster(await RedisCluster.start({ folder, encrypted }),
      ['--bus-tls-ca-file', authority, '--bus-tls-certificate-file', certificate, '--bus-tls-key-file', key]);
  },

  'three independent servers': async (folder) => {
    const all = await IndependentServers.start({ folder });
    return {
      url: all.url,
      flags: [],
      nodes: all.servers,
      publish: (channel, payload) => all.of(channel).cli('PUBLISH', channel, payload),
      cut: () => cutAll(all.servers),
      kill: () => all.kill(),
    };
  },
};
