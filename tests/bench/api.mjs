// How fast the server API publishes: 16 keep-alive connections, one request at a time on each, 128 bytes to own channels.
//   node tests/bench/api.mjs [SECONDS] [BATCH...]        GATEWAY_BINARY: the program, without it that of build/release
// Prints for each size of batch (1: /api/publish): publications a second, and the processor time of the gateway's
// control thread and shard for each. The load generator needs processors, too: where there are few, that time says more.
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { startGateway } from '../node/gateway.mjs';

const connections = 16;
const ticksPerSecond = 100;   // of /proc: USER_HZ
const key = 'bench';
const seconds = Number(process.argv[2] ?? 5);
const batches = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [1, 100];

function request(channel, batch) {
  const one = { channel, data: 'd'.repeat(126) };   // 128 bytes with its quotes
  const body = JSON.stringify(batch === 1 ? one : { commands: Array(batch).fill({ publish: one }) });
  return Buffer.from(`POST /api/${batch === 1 ? 'publish' : 'batch'} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${key}\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`);
}

/** Sends until `ended()`; resolves with the number of answers. */
function load(port, bytes, ended) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answers = 0, text = '';
    socket.setNoDelay(true);
    socket.on('connect', () => socket.write(bytes));
    socket.on('error', reject);
    socket.on('data', (part) => {
      text += part.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text)[1]);
      if (text.length < head + 4 + length) return;
      if (!text.startsWith('HTTP/1.1 200') || text.includes('"error"')) return reject(new Error(text));
      text = '';
      answers += 1;
      if (!ended()) return socket.write(bytes);
      socket.destroy();
      resolve(answers);
    });
  });
}

/** Processor seconds of each thread. */
function threads(pid) {
  return Object.fromEntries(readdirSync(`/proc/${pid}/task`).map((id) => {
    const fields = readFileSync(`/proc/${pid}/task/${id}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
    return [id, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond];
  }));
}

const gateway = await startGateway({ flags: ['--shards', '1', '--api-key', key] });
const { pid } = gateway;
for (const batch of batches) {
  const before = threads(pid);
  const begun = process.hrtime.bigint();
  const until = Date.now() + seconds * 1000;
  const answers = await Promise.all(Array.from({ length: connections },
    (_, i) => load(gateway.ports.control, request(`own:${i}`, batch), () => Date.now() >= until)));
  const took = Number(process.hrtime.bigint() - begun) / 1e9;
  const made = answers.reduce((sum, each) => sum + each, 0) * batch;
  const after = threads(pid);
  const spent = Object.keys(after).map((id) => ({ id, used: after[id] - (before[id] ?? 0) })).sort((a, b) => b.used - a.used);
  const control = spent.find(({ id }) => Number(id) === pid).used;
  const shard = spent.filter(({ id }) => Number(id) !== pid)[0].used;
  const each = (used) => `${(used / made * 1e6).toFixed(2)} us`;
  console.log(`batch ${batch}: ${Math.round(made / took)} publications/s; for each: control thread ${each(control)}, shard ${each(shard)}; ` +
    `one control thread can do ${Math.round(made / control)}/s`);
}
await gateway.stop();
