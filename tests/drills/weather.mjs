// What would kill it, tried: each case does something bad to a gateway that has clients, and says in a row of a table what happened. For people, not
// part of the tests: it needs root, faketime, strace, util-linux and cgroups of version 1.
//
//     node tests/drills/weather.mjs [CASE...]        descriptors enobufs disk memory quota counters days year
//
// tests/drills/clock.sh has the clock of the wall jump: libfaketime, by which this would be done here, moves timers with it that have nothing to do with that clock.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from '../node/redis_server.mjs';
import { Crowd, inMs, key, percentile, secret, sleep } from './crowd.mjs';
import { inMb, memoryOf, Publisher } from './gateway_of_drill.mjs';

const binary = process.env.GATEWAY_BINARY ?? 'build/release/app/carillon';
const bench = process.env.BENCH_BINARY ?? binary.replace(/carillon$/, 'carillon-bench');
const folder = mkdtempSync(join(tmpdir(), 'carillon-weather-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, 'carillon.toml'), `token_hmac_secret = "${secret}"\napi_key = "${key}"\n[[namespace]]\nsubscribe = ["client", "anonymous"]\npublish = ["client"]\n`);

const faketime = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1'].find(existsSync);

/** A gateway that is started by `before`, a command that ends in running it. */
class Victim {
  static async start({ before = [], flags = [], env = {}, log = join(folder, 'log') } = {}) {
    const made = new Victim();
    made.log = log;
    made.ports = { client: await freePort(), control: await freePort(), bus: await freePort() };
    const listen = Object.entries(made.ports).flatMap(([door, port]) => [`--${door}-listen`, `127.0.0.1:${port}`]);
    const [program, ...words] = [...before, binary, '--config', join(folder, 'carillon.toml'), ...listen, ...flags];
    made.child = spawn(program, words, { stdio: ['ignore', 'ignore', openSync(log, 'w')], env: { ...process.env, ...env } });
    made.ended = once(made.child, 'exit');
    process.once('exit', () => made.child.kill('SIGKILL'));
    await until(async () => (await made.page('readyz').catch(() => ({}))).status === 200, 'it is ready');
    // `before` may have forked it.
    made.pid = Number(execFileSync('sh', ['-c', `ss -Hltnp 'sport = :${made.ports.client}' | grep -o 'pid=[0-9]*' | head -1 | cut -d= -f2`]).toString());
    return made;
  }

  page = (name) => fetch(`http://127.0.0.1:${this.ports.control}/${name}`);
  api = async (method, params) => (await fetch(`http://127.0.0.1:${this.ports.control}/api/${method}`,
    { method: 'POST', headers: { 'X-API-Key': key }, body: JSON.stringify(params) })).json();

  async metric(name) {
    const text = await (await this.page('metrics')).text();
    return text.split('\n').filter((line) => line.startsWith(name)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  alive = async () => `/livez ${(await this.page('livez').catch(() => ({ status: 'no answer' }))).status}`;

  async stop() {
    try { process.kill(this.pid, 'SIGTERM'); } catch { return 'was gone'; }
    const [code, signal] = await Promise.race([this.ended, sleep(20_000).then(() => ['no end', null])]);
    this.child.kill('SIGKILL');
    return `exit ${signal ?? code}`;
  }
}

const crowdOf = (victim, more = {}) => Crowd.start({ port: victim.ports.client, clients: 300, channel: 'drill', role: 'staying', ...more });

/** Connects `count` sockets that ask for an upgrade; resolves with the counts of what they got. */
async function knock(port, count, keep = []) {
  const got = {};
  await Promise.all(Array.from({ length: count }, () => new Promise((resolve) => {
    const done = (what) => { got[what] = (got[what] ?? 0) + 1; resolve(); };
    const socket = net.connect(port, '127.0.0.1', () => socket.write('GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n' +
      'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'));
    let answer = false;
    const timer = setTimeout(() => { if (!answer) done('waiting'); }, 4000);
    socket.on('data', (some) => { if (!answer) { answer = true; clearTimeout(timer); done(some.toString('latin1').slice(9, 12)); } });
    socket.on('error', () => {});
    socket.on('close', () => { if (!answer) { answer = true; clearTimeout(timer); done('closed'); } });
    keep.push(socket);
  })));
  return JSON.stringify(got);
}

/** Publishes for a while and says what those who are connected noticed. */
async function calm(victim, crowd, meanwhile, { perS = 10, seconds = 3, clients = 300 } = {}) {
  const { heard } = await crowd.figures();
  const publisher = new Publisher(() => [victim], perS, 'drill');
  const said = await meanwhile();
  await sleep(1000 * seconds);
  await publisher.stop();
  await sleep(1500);
  const figures = await crowd.figures();
  const missing = publisher.published * clients - (figures.heard - heard);
  return { said, text: `${figures.open} of ${clients} still connected, ${Math.max(0, missing)} of ${publisher.published * clients} deliveries missing, ${inMs(figures.latencies)}`, figures };
}

const cases = {
  async descriptors() {
    const victim = await Victim.start(), crowd = await crowdOf(victim), keep = [];
    execFileSync('prlimit', ['--pid', String(victim.pid), '--nofile=360:360']);
    const { said, text } = await calm(victim, crowd, () => knock(victim.ports.client, 400, keep));
    const alive = await victim.alive(), errors = (await (await victim.page('metrics')).text()).split('\n').filter((line) => /^carillon_accept_errors_total\{.*fd_limit/.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    for (const each of keep) each.destroy();
    await sleep(1500);
    const again = await knock(victim.ports.client, 20);
    await crowd.end();
    return ['no descriptors left: `prlimit --nofile=360` of the running process, then 400 more connections', `the newcomers: ${said}; ${errors} accepts counted that failed for it (fd_limit); ${text}; ${alive}; when they had gone, 20 others: ${again}; ${await victim.stop()}`];
  },

  async enobufs() {
    const victim = await Victim.start(), crowd = await crowdOf(victim);
    const strace = spawn('strace', ['-f', '-q', '-o', '/dev/null', '-e', 'trace=sendto,sendmsg', '-e', 'inject=sendto,sendmsg:error=ENOBUFS:when=50+100', '-p', String(victim.pid)], { stdio: 'ignore' });
    await sleep(1000);
    const { text, figures } = await calm(victim, crowd, async () => {}, { perS: 5, seconds: 6 });
    strace.kill();
    await sleep(1500);
    const { open } = await crowd.figures();
    await crowd.end();
    return ['one `send` in a hundred fails with ENOBUFS (`strace -e inject=sendto,sendmsg:error=ENOBUFS:when=50+100`)', `${text}; closed and back: ${Object.values(figures.perSecond).reduce((sum, each) => sum + each, 0) - 300}; at the end ${open} connected; ${await victim.alive()}; ${await victim.stop()}`];
  },

  async disk() {
    const full = join(folder, 'full');
    mkdirSync(full);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', full]);
    try {
      const victim = await Victim.start({ log: join(full, 'log'), flags: ['--log-level', 'debug', '--log-refusals-per-s-max', '1000'] }), crowd = await crowdOf(victim);
      const { said, text } = await calm(victim, crowd, async () => {
        for (let i = 0; i < 400; ++i) await (await fetch(`http://127.0.0.1:${victim.ports.client}/no-such-page`)).text();
        return readFileSync(victim.log).length;
      });
      const dropped = await victim.metric('carillon_log_lines_dropped_total');
      await crowd.end();
      return ['the log\'s disk is full: standard error is a file on a tmpfs of 16 KB, 400 refusals are logged', `${said} bytes of log are there, ${dropped} lines counted as dropped; ${text}; ${await victim.alive()}; ${await victim.stop()}`];
    } finally {
      execFileSync('umount', ['-l', full]);
    }
  },

  async memory() {
    const group = '/sys/fs/cgroup/memory/carillon-drill';
    mkdirSync(group);
    try {
      writeFileSync(join(group, 'memory.limit_in_bytes'), String(48 << 20));
      const victim = await Victim.start({ before: ['sh', '-c', `echo $$ >${group}/cgroup.procs; exec "$0" "$@"`], flags: ['--memory-percent-max', '80', '--client-outbox-bytes-max', '16777216'] });
      const crowd = await crowdOf(victim), slow = [];
      const { said, text } = await calm(victim, crowd, async () => {
        // Those who subscribe and do not read: what waits for them is memory.
        const { frame, token } = await import('./crowd.mjs');
        await Promise.all(Array.from({ length: 40 }, (_, i) => new Promise((resolve) => {
          const socket = net.connect(victim.ports.client, '127.0.0.1', () => socket.write('GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n' +
            'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'));
          socket.once('data', () => { socket.write(frame(`{"id":1,"connect":{"token":"${token(`slow-${i}`)}"}}\n{"id":2,"subscribe":{"channel":"big-${i}"}}`)); socket.pause(); setTimeout(resolve, 500); });
          socket.on('error', () => {});
          slow.push(socket);
        })));
        let most = 0, refused = '';
        for (let i = 0; i < 400 && !refused; ++i) {
          await victim.api('broadcast', { channels: Array.from({ length: 40 }, (_, each) => `big-${each}`), data: 'x'.repeat(60_000) });
          most = Math.max(most, await victim.metric('carillon_memory_used_bytes'));
          await sleep(50);
          if (i % 5 === 4) {
            const got = await knock(victim.ports.client, 4);
            if (got.includes('503')) refused = `after ${i + 1} publications newcomers got ${got}, /readyz ${(await victim.page('readyz')).status}`;
          }
        }
        return `${refused || 'nobody was refused'}; at most ${inMb(most)} of ${inMb(48 << 20)}`;
      });
      const killed = /oom_kill (\d+)/.exec(readFileSync(join(group, 'memory.oom_control'), 'utf8'))?.[1];
      for (const each of slow) each.destroy();
      await sleep(2000);
      const again = await knock(victim.ports.client, 10);
      await crowd.end();
      return ['memory near the limit of the cgroup: 48 MB, `memory_percent_max = 80`, 40 subscribers that read nothing, each of a channel of its own, publications of 60 KB to each', `${said}; killed ${killed}; ${text}; when the slow ones had gone, newcomers: ${again}; ${await victim.alive()}; ${await victim.stop()}`];
    } finally {
      await sleep(500);
      rmdirSync(group);
    }
  },

  async quota() {
    const group = '/sys/fs/cgroup/cpu/carillon-drill';
    mkdirSync(group);
    try {
      writeFileSync(join(group, 'cpu.cfs_period_us'), '100000');
      writeFileSync(join(group, 'cpu.cfs_quota_us'), '3000');
      const victim = await Victim.start({ before: ['sh', '-c', `echo $$ >${group}/cgroup.procs; exec "$0" "$@"`] }), crowd = await crowdOf(victim);
      const slowest = [];
      const { text } = await calm(victim, crowd, async () => {
        for (let i = 0; i < 100; ++i) {
          const began = performance.now();
          const { status } = await victim.page('livez');
          slowest.push(status === 200 ? performance.now() - began : Infinity);
          await sleep(50);
        }
      }, { perS: 20 });
      const stat = readFileSync(join(group, 'cpu.stat'), 'utf8');
      const shards = /(\d+) shards/.exec(readFileSync(victim.log, 'utf8'))[1];
      await crowd.end();
      return ['a quota of 3 ms of processor in each 100 ms (cgroup), 6,000 deliveries a second asked for', `${shards} shard; ${text}; /livez 100 times: p99 ${percentile(slowest, 0.99).toFixed(0)} ms; throttled in ${/nr_throttled (\d+)/.exec(stat)[1]} of ${/nr_periods (\d+)/.exec(stat)[1]} periods; ${await victim.stop()}`];
    } finally {
      await sleep(500);
      rmdirSync(group);
    }
  },

  async counters() {
    const victim = await Victim.start({ flags: ['--anonymous', '--bus-payload-bytes-max', '1000000', '--client-outbox-bytes-max', '8388608'] });
    const run = spawn(bench, ['fanout', '--url', `ws://127.0.0.1:${victim.ports.client}/connection/websocket`, '--publish', `redis://127.0.0.1:${victim.ports.bus}`,
      '--connections', '100', '--payload-bytes', '900000', '--rate', '0', '--in-flight', '2', '--duration', process.env.COUNT_S ?? '60', '--timeout', '60', '--json', join(folder, 'bench.json')], { stdio: 'ignore' });
    const [code] = await once(run, 'exit');
    const sent = await victim.metric('carillon_bytes_sent_total');
    const { deliveries, lost } = JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8'));
    const expected = (deliveries.counted * 900_000 / 1e9).toFixed(2);
    return ['counters beyond 2^32: publications of 900 KB to 100 clients, as fast as they take them', `carillon-bench: exit ${code}, ${deliveries.counted} deliveries (${expected} GB and the warm-up), ${lost} lost; \`carillon_bytes_sent_total\` ${sent} (2^32 is ${2 ** 32}); ${await victim.alive()}; ${await victim.stop()}`];
  },

  async days() {
    // 2^32 milliseconds after the machine's start come while it runs, and then a hundred days.
    const rows = [];
    for (const [name, at] of [['49.7 days (2^32 ms) pass', 2 ** 32 / 1000], ['100 days', 8_640_000]]) {
      const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
      const offset = Math.round(at - uptime - 15);
      const victim = await Victim.start({ before: ['unshare', '--time', '--fork', '--kill-child', '--monotonic', String(offset), '--boottime', String(offset)],
        flags: ['--client-ping-interval-ms', '1000', '--client-pong-timeout-ms', '900'] });
      const crowd = await crowdOf(victim);
      const { text } = await calm(victim, crowd, () => sleep(25_000), { perS: 5 });
      const { pings } = await crowd.figures();
      const again = await knock(victim.ports.client, 10);
      await crowd.end();
      rows.push(`${name}: ${text}, ${pings} pings answered, newcomers ${again}, ${await victim.alive()}, ${await victim.stop()}`);
    }
    return ['uptime: the clock since the start moved to 15 s before 2^32 ms, and before 100 days (`unshare --time --monotonic`), pings every second', rows.join('; ')];
  },

  async year() {
    const victim = await Victim.start({ flags: ['--anonymous', '--log-format', 'json'], env: { LD_PRELOAD: faketime, FAKETIME: '@2040-02-01 00:00:00', FAKETIME_DONT_FAKE_MONOTONIC: '1' } });
    const said = await knock(victim.ports.client, 20);
    const line = readFileSync(victim.log, 'utf8').split('\n').find((each) => each.includes('ready'));
    return ['the year 2040, beyond 2^31 s (libfaketime)', `newcomers: ${said}; ${await victim.alive()}; the log says ${/20\d\d-\d\d-\d\d/.exec(line)?.[0]}; ${await victim.stop()}`];
  },
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(cases);
for (const name of wanted) {
  try {
    const [done, happened] = await cases[name]();
    console.log(`| ${done} | ${happened} |`);
  } catch (error) {
    console.log(`| ${name} | could not be tried: ${error.message.split('\n')[0]} |`);
    process.exitCode = 1;
  }
}
process.exit();
