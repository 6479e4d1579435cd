// What the bus outside costs a gateway beside the one inside of the process: CPU for each message to 1, 10 and 1,000 subscribers, and how
// long a publication takes to be heard; memory for each channel that it is subscribed to; and how soon 100,000 channels are subscribed again
// after the connection to the bus was cut, with deliveries going on.
//   node tests/bench/bus.mjs
// GATEWAY_BINARY and BENCH_BINARY: the programs, without them those of build/release. Needs redis-server. Processor time is the gateway's.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { startGateway } from '../node/gateway.mjs';
import { RedisServer, until } from '../node/redis_server.mjs';

const WebSocket = createRequire(new URL('../node/package.json', import.meta.url))('ws');
const bench = process.env.BENCH_BINARY ?? fileURLToPath(new URL('../../build/release/app/carillon-bench', import.meta.url));
const payloadBytes = 128, seconds = 4, rounds = 3;
const scenes = [[1, 5000], [10, 5000], [1000, 50]]; // subscribers, publications a second
const channels = 100_000, holders = 50, commandsPerMessage = 100;

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];
const resident = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');

async function fanout(gateway, publish, subscribers, rate) {
  const { stdout } = await promisify(execFile)(bench, ['fanout', '--url', gateway.socketUrl, '--publish', publish, '--connections', `${subscribers}`,
    '--rate', `${rate}`, '--duration', `${seconds}`, '--warm-up', '1', '--payload-bytes', `${payloadBytes}`, '--server-pid', `${gateway.pid}`,
    '--json', '-', '--quiet'], { maxBuffer: 1 << 26 });
  const { publishes, deliveries, lost, duplicated, disordered } = JSON.parse(stdout);
  if (lost + duplicated + disordered > 0) throw new Error(`lost ${lost}, duplicated ${duplicated}, disordered ${disordered}`);
  return { us: deliveries.server_cpu_ns / publishes.counted / 1000, p50: deliveries.latency.p50_ns / 1000, p99: deliveries.latency.p99_ns / 1000 };
}

/** A client that subscribes to channels `from` to `to`, and when all answers have come. */
async function holder(gateway, from, to) {
  const socket = new WebSocket(gateway.socketUrl);
  await once(socket, 'open');
  let answers = 0, wanted = 1, enough;
  socket.on('message', (bytes) => {
    for (const line of `${bytes}`.split('\n')) {
      if (line === '{}') socket.send('{}');
      else if (line.includes('"error"')) throw new Error(line);
      else if (line.startsWith('{"id"') && ++answers === wanted) enough();
    }
  });
  const say = (lines) => new Promise((resolve) => {
    [wanted, answers, enough] = [lines.length, 0, resolve];
    socket.send(lines.join('\n'));
  });
  await say(['{"id":1,"connect":{}}']);
  for (let at = from; at < to; at += commandsPerMessage) {
    const some = Math.min(commandsPerMessage, to - at);
    await say(Array.from({ length: some }, (_, i) => `{"id":${i + 2},"subscribe":{"channel":"channel-${at + i}"}}`));
  }
  return socket;
}

const redis = await RedisServer.start();
try {
  console.log('subscribers  bus        CPU for each message    heard after p50, p99');
  for (const [subscribers, rate] of scenes) {
    const all = { inside: [], redis: [] };
    for (let round = 0; round < rounds; ++round) {
      for (const where of ['inside', 'redis']) {
        const gateway = await startGateway({ flags: ['--shards', '1'], ...(where === 'redis' ? { bus: redis.url } : {}) });
        if (where === 'redis') await untilReady(gateway);
        all[where].push(await fanout(gateway, where === 'redis' ? redis.url : `redis://127.0.0.1:${gateway.ports.bus}`, subscribers, rate));
        await gateway.stop();
      }
    }
    for (const [where, runs] of Object.entries(all)) {
      const of = (what) => median(runs.map((each) => each[what]));
      console.log(`${`${subscribers}`.padStart(11)}  ${where.padEnd(6)} ${of('us').toFixed(1).padStart(15)} us ${of('p50').toFixed(0).padStart(17)} us, ${of('p99').toFixed(0)} us`);
    }
  }

  const each = channels / holders;
  const flags = ['--shards', '1', '--client-subscriptions-max', `${each + 1}`];
  const memory = {};
  for (const where of ['inside', 'redis']) {
    const gateway = await startGateway({ flags, ...(where === 'redis' ? { bus: redis.url } : {}) });
    if (where === 'redis') await untilReady(gateway);
    const sockets = await Promise.all(Array.from({ length: holders }, (_, i) => holder(gateway, i * each, i * each + each / 2)));
    const half = resident(gateway.pid);
    sockets.push(...await Promise.all(Array.from({ length: holders }, (_, i) => holder(gateway, i * each + each / 2, (i + 1) * each))));
    memory[where] = (resident(gateway.pid) - half) / (channels / 2);
    if (where === 'redis') {
      const heard = new Set();
      sockets[0].on('message', (bytes) => { for (const [, n] of `${bytes}`.matchAll(/"data":(\d+)/g)) heard.add(Number(n)); });
      let told = 0;
      const publisher = setInterval(() => { redis.cli('PUBLISH', 'channel-0', `${++told}`).catch(() => {}); }, 20);
      for (let round = 0; round < rounds; ++round) {
        const began = performance.now();
        await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
        const first = heard.size;
        await until(async () => await gateway.metric('carillon_upstream_connects_total') > round + 1, 'it has connected again');
        await until(() => heard.size > first, 'deliveries go on');
        const delivery = performance.now() - began;
        await untilReady(gateway);
        const back = performance.now() - began;
        if (await gateway.metric('carillon_upstream_channels') < channels) throw new Error('there are fewer channels than before');
        console.log(`${channels} channels: connection cut; the first delivery after ${delivery.toFixed(0)} ms, all subscribed again after ${back.toFixed(0)} ms`);
      }
      clearInterval(publisher);
      console.log(`${heard.size} of ${told} publications to a channel of them were heard meanwhile (publish and subscribe keep nothing)`);
    }
    for (const socket of sockets) socket.terminate();
    await gateway.stop();
  }
  console.log(`memory of the gateway for each channel with one subscriber: ${memory.inside.toFixed(0)} bytes with the bus inside, ${memory.redis.toFixed(0)} with a Redis, ` +
    `${(memory.redis - memory.inside).toFixed(0)} for the connection to it`);
} finally {
  await redis.kill();
}
