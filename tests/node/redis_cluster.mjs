// A Redis Cluster of a test file alone: redis-server processes that are told of each other without redis-cli's help.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { RedisServer, freePort, until } from './redis_server.mjs';

const host = '127.0.0.1';
const slots = 16384;

/** CRC16 (XMODEM) of what decides where a channel is: its name, or what stands in it before a closing brace. */
export function slotOf(channel) {
  let sum = 0;
  for (const byte of Buffer.from(channel.split('}')[0])) {
    sum ^= byte << 8;
    for (let i = 0; i < 8; ++i) sum = sum & 0x8000 ? (sum << 1) ^ 0x1021 : sum << 1;
    sum &= 0xffff;
  }
  return sum % slots;
}

export class ClusterNode extends RedisServer {
  /** `encrypted`: as of RedisCluster. Tests ask it without TLS all the same. */
  static async start({ folder, flags = [], encrypted = [] }) {
    const busPort = String(await freePort());
    const tlsPort = encrypted.length ? String(await freePort()) : undefined;
    return super.start({ flags: ['--dir', mkdtempSync(join(folder, 'node-')), '--cluster-enabled', 'yes', '--cluster-port', busPort,
      '--cluster-node-timeout', '2000', '--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0',
      '--repl-ping-replica-period', '1', ...flags,
      ...tlsPort ? ['--tls-port', tlsPort, '--tls-cluster', 'yes', '--tls-replication', 'yes', ...encrypted] : []] });
  }

  cli(...args) {
    const at = this.flags.indexOf('--requirepass');
    return super.cli(...at < 0 ? [] : ['--no-auth-warning', '-a', this.flags[at + 1]], ...args);
  }

  async id() { return this.cli('CLUSTER', 'MYID'); }
  get tlsPort() { return this.flags.includes('--tls-port') ? this.flags[this.flags.indexOf('--tls-port') + 1] : undefined; }
  /** Where others of the cluster, and gateways, reach it. */
  get servedAt() { return this.tlsPort ?? this.port; }
  get busPort() { return this.flags[this.flags.indexOf('--cluster-port') + 1]; }
  async info(name) { return new RegExp(`^${name}:(\\S+)`, 'm').exec(await this.cli('CLUSTER', 'INFO'))?.[1]; }
  async replication(name) { return new RegExp(`^${name}:(\\S+)`, 'm').exec(await this.cli('INFO', 'replication'))?.[1]; }
}

export class RedisCluster {
  /** Three primaries with a third of the slots each, and a replica of the first; `encrypted`: flags of their TLS, if they have it. */
  static async start({ folder, flags = [], encrypted = [] }) {
    const made = new this();
    made.nodes = []; // one after the other: each looks for ports that are free
    for (let i = 0; i < 4; ++i) made.nodes.push(await ClusterNode.start({ folder, flags, encrypted }));
    const [first, second, third, replica] = made.nodes;
    const bounds = [0, 5461, 10923, slots];
    await Promise.all([first, second, third].map((each, i) =>
      each.cli('CLUSTER', 'ADDSLOTSRANGE', String(bounds[i]), String(bounds[i + 1] - 1))));
    await Promise.all(made.nodes.map((each, i) => each.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))));
    await made.agreed();
    await replica.cli('CLUSTER', 'REPLICATE', await first.id());
    await made.replicated(first, replica);
    return made;
  }

  get url() {
    const scheme = this.nodes[0].tlsPort ? 'rediss-cluster' : 'redis-cluster';
    return `${scheme}://${this.nodes.map(({ servedAt }) => `${host}:${servedAt}`).join(',')}`;
  }
  async kill() { await Promise.all(this.nodes.map((each) => each.kill())); }

  /** All know all others, and that all slots are there. A node that is slow to answer may have to be met again. */
  agreed() {
    const [first, ...others] = this.nodes;
    const knows = (each) => each.info('cluster_known_nodes').then((count) => count === String(this.nodes.length));
    let tried = 0;
    return until(async () => {
      const met = (await Promise.all(this.nodes.map(knows))).every(Boolean);
      if (!met && tried++ % 50 === 0)
        for (const each of others) await first.cli('CLUSTER', 'MEET', host, String(each.servedAt), each.busPort);
      return met && (await Promise.all(this.nodes.map((each) => each.info('cluster_state')))).every((state) => state === 'ok');
    }, 'all nodes know each other');
  }

  replicated(primary, replica) {
    return until(async () => await replica.replication('master_link_status') === 'up' &&
      Number(await replica.replication('slave_repl_offset')) >= Number(await primary.replication('master_repl_offset')),
    'the replica has everything');
  }

  /** One slot with all its keys, as redis-cli does it. */
  async migrate(slot, from, to) {
    await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', await from.id());
    await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', await to.id());
    await this.empty(slot, from, to);
    for (const each of [to, from]) await each.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', await to.id());
  }

  async empty(slot, from, to) {
    for (;;) {
      const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')).split('\n').filter(Boolean);
      if (keys.length === 0) return;
      await from.cli('MIGRATE', host, String(to.servedAt), '', '0', '5000', 'KEYS', ...keys);
    }
  }
}
