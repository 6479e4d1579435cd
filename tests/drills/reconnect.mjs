// Everybody comes back at once: CLIENTS clients with tokens lose their connections in one moment and reconnect in the same,
// while others, who are connected, are published to and answer pings. For people, not part of the tests. From the top of
// the tree, with carillon built:
//
//     node tests/drills/reconnect.mjs [flags of carillon]
//
// CLIENTS (15000), WATCHERS (200), RATE (20 publications a second), WITHIN_S (60) are variables. Exit code 1: somebody who was
// connected was closed or missed something, or not all were back in time.
import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const clients = number('CLIENTS', 15_000), watchers = number('WATCHERS', 200), rate = number('RATE', 20);
const withinMs = 1000 * number('WITHIN_S', 60);
const secret = 'of this drill only, 32 bytes and more', key = 'open-sesame', channel = 'mail:drill';
const now = () => performance.timeOrigin + performance.now();
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const base64 = (text) => Buffer.from(text).toString('base64url');

function token(user) {
  const signed = `${base64('{"alg":"HS256","typ":"JWT"}')}.${base64(JSON.stringify({ sub: user, exp: Math.floor(Date.now() / 1000) + 3600 }))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const upgrade = 'GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/** A masked text frame. */
function frame(text) {
  const bytes = Buffer.from(text);
  const head = bytes.length < 126 ? [0x81, 0x80 | bytes.length] : [0x81, 0xfe, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), bytes]);
}

/** One client: connected() when its subscription is there; `hear` is called with each line that comes afterwards. */
class Client {
  #rest = Buffer.alloc(0);

  constructor(port, user, subscribed, hear) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => { this.socket.on('close', resolve); });
    this.ready = new Promise((resolve, reject) => {
      this.socket.on('close', () => reject(new Error('closed')));
      this.socket.once('connect', () => this.socket.write(upgrade));
      this.socket.once('data', (head) => {
        if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) return reject(new Error(head.toString('latin1').slice(9, 12)));
        this.socket.on('data', (some) => this.#take(some, (line) => {
          if (line === '{}') return this.socket.write(frame('{}'));
          if (line.includes('"subscribe":')) resolve();
          return hear(line);
        }));
        this.socket.write(frame(`{"id":1,"connect":{"token":"${token(user)}"}}\n{"id":2,"subscribe":{"channel":"${subscribed}"}}`));
      });
    });
  }

  #take(some, line) {
    this.#rest = Buffer.concat([this.#rest, some]);
    for (;;) {
      if (this.#rest.length < 2) return;
      const long = (this.#rest[1] & 0x7f) === 126;
      if (long && this.#rest.length < 4) return;
      const from = long ? 4 : 2, size = long ? this.#rest.readUInt16BE(2) : this.#rest[1] & 0x7f;
      if (this.#rest.length < from + size) return;
      if ((this.#rest[0] & 0x0f) === 1) this.#rest.subarray(from, from + size).toString().split('\n').forEach(line);
      this.#rest = this.#rest.subarray(from + size);
    }
  }
}

// --- those who are connected all the time: tell the parent what they hear, in batches

async function watch(port) {
  let heard = [], pings = 0, closed = 0;
  const all = [];
  for (let i = 0; i < watchers; ++i) {
    const client = new Client(port, `watcher-${i}`, channel, (line) => {
      const at = /"sent":([\d.]+)/.exec(line);
      if (at) heard.push(now() - Number(at[1]));
    });
    client.socket.on('data', (some) => { if (some.length === 4 && some.toString('latin1', 2) === '{}') ++pings; });
    client.closed.then(() => { ++closed; });
    await client.ready;
    all.push(client);
  }
  process.send('ready');
  process.on('message', () => {
    process.send({ heard, pings, closed });
    heard = [];
    pings = 0;
  });
}

// --- those who come back

async function storm(port) {
  let open = [];
  const refusals = {};
  const waits = [];
  const come = async (i) => {
    const began = now();
    for (let pause = 100; ; pause = Math.min(2 * pause, 5000)) {
      const client = new Client(port, `user-${i}`, `${channel}-others`, () => {});
      try {
        await client.ready;
        waits.push(now() - began);
        return client;
      } catch (error) {
        client.socket.destroy();
        refusals[error.message] = (refusals[error.message] ?? 0) + 1;
        await sleep(pause / 2 + Math.random() * pause / 2); // as SDKs do
      }
    }
  };
  while (open.length < clients) open.push(...await Promise.all(Array.from({ length: Math.min(200, clients - open.length) }, (_, i) => come(open.length + i))));
  process.send('ready');
  await once(process, 'message');
  waits.length = 0;
  const began = now();
  for (const each of open) each.socket.destroy();
  open = await Promise.all(open.map((_, i) => come(i)));
  process.send({ took: now() - began, waits, refusals });
}

// --- the drill

const percentile = (values, part) => values.length === 0 ? NaN : values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];
const inMs = (values) => `p50 ${percentile(values, 0.5).toFixed(1)} ms, p99 ${percentile(values, 0.99).toFixed(1)} ms, at most ${percentile(values, 1).toFixed(1)} ms`;

function child(role, port) {
  const made = fork(here, [], { env: { ...process.env, DRILL_ROLE: role, DRILL_PORT: String(port) } });
  process.once('exit', () => made.kill('SIGKILL'));
  return made;
}

async function ask(whom) {
  const answer = once(whom, 'message');
  whom.send('go');
  return (await answer)[0];
}

async function drill() {
  const { startGateway } = await import('../node/gateway.mjs');
  const gateway = await startGateway({ flags: ['--token-hmac-secret', secret, '--api-key', key, '--client-ping-interval-ms', '5000',
    '--client-pong-timeout-ms', '4000', ...process.argv.slice(2)] });
  const established = child('watch', gateway.ports.client), returning = child('storm', gateway.ports.client);
  await Promise.all([once(established, 'message'), once(returning, 'message')]);
  let published = 0, publishing = true;
  const publisher = (async () => {
    while (publishing) {
      await gateway.api('publish', { channel, data: { sent: now() } }, key);
      ++published;
      await sleep(1000 / rate);
    }
  })();
  await sleep(6000);
  const before = await ask(established);
  const answer = await Promise.race([ask(returning), sleep(withinMs)]);
  await sleep(1000);
  const during = await ask(established);
  await sleep(5000);
  const after = await ask(established);
  publishing = false;
  await publisher;
  await sleep(500);
  const rest = await ask(established);
  const heard = [before, during, after, rest].reduce((sum, each) => sum + each.heard.length, 0);
  const lost = published * watchers - heard;
  console.log(`${clients} clients with tokens, ${watchers} others who are published to ${rate} times a second`);
  console.log(`deliveries before: ${inMs(before.heard)}`);
  console.log(`deliveries while all come back: ${inMs(during.heard)}`);
  console.log(`deliveries after: ${inMs(after.heard)}`);
  console.log(`of those who were connected: ${rest.closed} closed, ${lost} of ${published * watchers} deliveries missing, ` +
    `${before.pings + during.pings + after.pings + rest.pings} pings answered`);
  if (answer) {
    console.log(`all back after ${(answer.took / 1000).toFixed(1)} s; each: ${inMs(answer.waits)}; tried again: ${JSON.stringify(answer.refusals)}`);
  } else {
    console.log(`not all back within ${withinMs / 1000} s`);
  }
  established.kill();
  returning.kill();
  await gateway.stop();
  process.exit(answer && lost === 0 && rest.closed === 0 ? 0 : 1);
}

const role = process.env.DRILL_ROLE;
if (role === 'watch') await watch(Number(process.env.DRILL_PORT));
else if (role === 'storm') await storm(Number(process.env.DRILL_PORT));
else await drill();
