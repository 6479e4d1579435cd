// What a fault of the bus costs: two gateways on one Redis, a steady load into a channel with a stream, and one fault.
//   node tests/drills/bus/drill.mjs [kill] [freeze] [cut] [flush]
// For people: it takes a minute and needs redis-server. It prints the rows of the table in docs/bus.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Centrifuge } from '../../node/node_modules/centrifuge/build/index.mjs';
import WebSocket from '../../node/node_modules/ws/wrapper.mjs';
import { startGateway } from '../../node/gateway.mjs';
import { RedisServer, until } from '../../node/redis_server.mjs';

const apiKey = 'open-sesame';
const publicationsPerS = 200;
const beforeMs = 3_000, afterMs = 8_000;
const frozenMs = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'carillon-drill-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
api_key = "${apiKey}"
anonymous = true
[[namespace]]
subscribe = ["anonymous"]
history_size = 10000
history_ttl_s = 300
recovery = "stream"
`);

/** Each leaves the server running. */
const faults = {
  kill: ['`kill -9` of the server, which keeps what it has with `appendfsync always`, and a start a second later', async (redis) => {
    await redis.kill();
    await delay(1_000);
    await redis.restart();
  }],
  freeze: ['SIGSTOP of the server for 10 s', async (redis) => {
    redis.pause();
    await delay(frozenMs);
    redis.resume();
  }],
  cut: ['`CLIENT KILL TYPE pubsub`', (redis) => redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')],
  flush: ['`FLUSHALL`', (redis) => redis.cli('FLUSHALL')],
};

async function drill(title, fault) {
  const data = mkdtempSync(join(folder, 'redis-'));
  const redis = await RedisServer.start({ flags: ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', data] });
  const gateways = await Promise.all([1, 2].map(() => startGateway({ dev: false, bus: redis.url, flags: ['--config', configuration] })));
  const ready = async () => (await Promise.all(gateways.map((each) => each.readiness()))).every(({ status }) => status === 200);
  await until(ready, 'the gateways are ready');

  const clients = gateways.map((where) => {
    const seen = new Map();
    const its = { seen, told: 0 };
    its.made = new Centrifuge(where.socketUrl, { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 500 });
    its.subscription = its.made.newSubscription('drill', { minResubscribeDelay: 50, maxResubscribeDelay: 500 });
    its.subscription.on('publication', ({ data: n }) => seen.set(n, (seen.get(n) ?? 0) + 1));
    its.subscription.on('subscribed', ({ wasRecovering, recovered }) => { its.told += wasRecovering && !recovered; });
    its.subscription.on('unsubscribed', ({ code, reason }) => console.error(`unsubscribed: ${code} ${reason}`));
    its.subscription.subscribe();
    its.made.connect();
    return its;
  });
  await Promise.all(clients.map(({ subscription }) => subscription.ready(20_000)));

  const acknowledged = new Set();
  let next = 0, asked = 0, publishing = true;
  const publish = async () => {
    const n = next++;
    // A back end that gets no answer asks again, with the same key.
    for (let attempt = 0; publishing && attempt < 200; ++attempt) {
      ++asked;
      const answer = await gateways[n % 2].api('publish', { channel: 'drill', data: n, idempotency_key: `n-${n}` }, apiKey).catch(() => ({}));
      if (answer.result) return acknowledged.add(n);
      await delay(100);
    }
  };
  const steady = setInterval(publish, 1_000 / publicationsPerS);
  await delay(beforeMs);
  const begun = Date.now();
  let away = false, readyAfter = 0;
  const watch = (async () => {
    for (const end = Date.now() + frozenMs + afterMs; Date.now() < end; await delay(20)) {
      const isReady = await ready().catch(() => false);
      if (!isReady) away = true;
      else if (away) { readyAfter = Date.now() - begun; return; }
    }
  })();
  await fault(redis);
  const healed = Date.now();
  await delay(afterMs);
  clearInterval(steady);
  await delay(3_000); // what waits for its answer
  publishing = false;
  await Promise.all([watch, delay(500)]);
  let lost = 0, doubled = 0, told = 0;
  for (const { seen, told: times } of clients) {
    for (const n of acknowledged) lost += !seen.has(n);
    for (const count of seen.values()) doubled += count > 1;
    told += times;
  }
  const toReady = away ? `${((readyAfter - (healed - begun)) / 1_000).toFixed(1)} s` : 'ready throughout';
  console.log(`| ${title} | ${acknowledged.size} of ${next} | ${lost} | ${doubled} | ${told} | ${toReady} |`);
  for (const { made } of clients) made.disconnect();
  await Promise.all(gateways.map((each) => each.stop()));
  await redis.kill();
}

const chosen = process.argv.slice(2);
console.log('| fault | acknowledged | lost | doubled | told | ready, after the fault has ended |');
console.log('|---|---|---|---|---|---|');
for (const name of chosen.length ? chosen : Object.keys(faults)) await drill(...faults[name]);
process.exit(0);
