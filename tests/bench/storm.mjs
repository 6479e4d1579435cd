// What it costs a gateway when everybody comes back at once and has missed something, beside a plain connect and subscribe: processor time
// for each client, in turns.
//   node tests/bench/storm.mjs [--clients 6000] [--missed 10] [--rounds 5]
// GATEWAY_BINARY: the program, without it that of build/release. One shard, one channel, publications of 100 bytes. The clients' processes
// need much more than the gateway; their time does not count.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startGateway } from '../node/gateway.mjs';

const WebSocket = createRequire(new URL('../node/package.json', import.meta.url))('ws');
const { values } = parseArgs({ options: {
  clients: { type: 'string', default: '6000' }, missed: { type: 'string', default: '10' }, rounds: { type: 'string', default: '5' } } });
const [clients, missed, rounds] = [values.clients, values.missed, values.rounds].map(Number);
const window = 200, key = 'open-sesame';

const folder = mkdtempSync(join(tmpdir(), 'carillon-storm-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `api_key = "${key}"
anonymous = true
[[namespace]]
subscribe = ["anonymous"]
history_size = 100
recovery = "stream"
`);

/** Nanoseconds on a processor, of all threads. */
const cpu = (pid) => readdirSync(`/proc/${pid}/task`).reduce((sum, task) =>
  sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0);

/** One client: connects, says what it wants, and resolves when it has the answer. */
const come = (url, request, expected) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('error', reject);
  socket.on('open', () => socket.send(`{"id":1,"connect":{}}\n${request}`));
  socket.on('message', (bytes) => {
    const text = `${bytes}`;
    if (!text.includes('"id":2')) return;
    const got = text.split('"offset":').length - 1;
    if (got < expected) reject(new Error(text));
    resolve(socket);
  });
});

async function all(gateway, request, expected) {
  const before = cpu(gateway.pid);
  const sockets = [];
  let next = 0;
  await Promise.all(Array.from({ length: window }, async () => {
    while (next++ < clients) sockets.push(await come(gateway.socketUrl, request, expected));
  }));
  const spent = cpu(gateway.pid) - before;
  for (const socket of sockets) socket.terminate();
  while (await gateway.metric('carillon_connections_open') > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  return spent / clients / 1000;
}

const gateway = await startGateway({ dev: false, flags: ['--shards', '1', '--config', configuration] });
try {
  const payload = 'x'.repeat(98);
  const publish = async () => (await gateway.api('publish', { channel: 'news', data: payload }, key)).result;
  const { offset, epoch } = await publish();
  for (let i = 0; i < missed; ++i) await publish();
  const kinds = {
    'connect and subscribe': ['{"id":2,"subscribe":{"channel":"news"}}', 0],
    [`the same, with ${missed} publications missed`]: [`{"id":2,"subscribe":{"channel":"news","recover":true,"offset":${offset},"epoch":"${epoch}"}}`, missed],
  };
  const figures = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let round = 0; round < rounds; ++round)
    for (const [name, how] of Object.entries(kinds)) figures[name].push(await all(gateway, ...how));
  const median = (some) => some.toSorted((a, b) => a - b)[some.length >> 1];
  for (const [name, some] of Object.entries(figures))
    console.log(`${name.padEnd(45)} ${median(some).toFixed(1)} us of CPU each (${some.map((each) => each.toFixed(1)).join(', ')})`);
  const [plain, recovered] = Object.values(figures).map(median);
  console.log(`${(recovered / plain).toFixed(2)} times as much`);
} finally {
  await gateway.stop();
}
