// Three Sentinels of a test file alone, a master and a replica of it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RedisServer, freePort, until } from './redis_server.mjs';

const host = '127.0.0.1';
export const masterSecret = 'ding-dong';
export const sentinelSecret = 'bim-bam';

/** Replicas write what they are given to a file, which the next server in the same folder would find. */
export const ownFolder = (folder) => ['--dir', mkdtempSync(join(folder, 'server-'))];

export class Sentinel extends RedisServer {
  constructor(port, master, folder) {
    super(port, []);
    this.file = join(folder, `sentinel-${port}.conf`);
    writeFileSync(this.file, `
port ${port}
bind ${host}
dir ${folder}
logfile ""
requirepass ${sentinelSecret}
sentinel sentinel-pass ${sentinelSecret}
sentinel monitor mymaster ${host} ${master.port} 2
sentinel auth-pass mymaster ${masterSecret}
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 5000
`);
  }

  command() { return ['redis-server', [this.file, '--sentinel']]; }
  cli(...args) { return super.cli('--no-auth-warning', '-a', sentinelSecret, ...args); }

  /** Looks around more often than once a second; servers that do not know this take longer. */
  hurry() {
    return this.cli('SENTINEL', 'DEBUG', 'INFO-PERIOD', '300', 'PING-PERIOD', '200', 'ASK-PERIOD', '100', 'PUBLISH-PERIOD', '200');
  }
  async master() { return Number((await this.cli('SENTINEL', 'get-master-addr-by-name', 'mymaster')).split('\n')[1]); }
  async state() {
    const words = (await this.cli('SENTINEL', 'MASTER', 'mymaster')).split('\n');
    return (name) => words[words.indexOf(name) + 1];
  }
}

export class Replicated extends RedisServer {
  cli(...args) { return super.cli('--no-auth-warning', '-a', masterSecret, ...args); }
  async replication() {
    const text = await this.cli('INFO', 'replication');
    return (name) => new RegExp(`^${name}:(\\S+)`, 'm').exec(text)?.[1];
  }
}

export class Watched {
  static async start({ folder, flags = [] }) {
    const made = new this();
    const all = ['--requirepass', masterSecret, '--masterauth', masterSecret, '--repl-diskless-sync-delay', '0',
      '--repl-ping-replica-period', '1', ...flags];
    const master = await Replicated.start({ flags: [...all, ...ownFolder(folder)] });
    const replica = await Replicated.start({ flags: [...all, ...ownFolder(folder), '--replicaof', `${host} ${master.port}`] });
    made.servers = [master, replica];
    made.sentinels = [];
    for (let i = 0; i < 3; ++i) {
      made.sentinels.push(new Sentinel(await freePort(), master, folder));
      await made.sentinels[i].restart();
      await made.sentinels[i].hurry();
    }
    await made.settled();
    return made;
  }

  /** What a gateway is given; and `--bus-sentinel-password`. */
  get url() { return `redis-sentinel://:${masterSecret}@${this.sentinels.map(({ port }) => `${host}:${port}`).join(',')}/mymaster`; }
  at(port) { return this.servers.find((each) => each.port === port); }
  other(port) { return this.servers.find((each) => each.port !== port); }
  masterPort() { return this.sentinels[0].master(); }

  /** All Sentinels know each other and the replica, and it has all that the master has. */
  settled() {
    return until(async () => {
      for (const each of this.sentinels) {
        const is = await each.state();
        if (is('flags') !== 'master' || is('num-other-sentinels') !== '2' || is('num-slaves') !== '1') return false;
        if (await each.master() !== await this.masterPort()) return false;
      }
      return this.replicated();
    }, 'everybody knows everybody');
  }

  async replicated() {
    const port = await this.masterPort();
    const [master, replica] = [await this.at(port).replication(), await this.other(port).replication()];
    return replica('master_link_status') === 'up' && Number(replica('slave_repl_offset')) >= Number(master('master_repl_offset'));
  }

  async kill() { await Promise.all([...this.sentinels, ...this.servers].map((each) => each.kill())); }
}
