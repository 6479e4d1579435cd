// How long a gateway takes to notice that its bus is gone, and to have every subscription back when it returns.
//
//   node tests/bench/recovery.mjs [--channels 20000] [--connections 16] [--rounds 3]
//
// Needs redis-server and redis-cli, the npm packages of tests/node (./test.sh installs them), and a gateway:
// GATEWAY_BINARY, or build/release/app/carillon. Starts both on free ports, subscribes over that many clients, then kills
// and restarts the server, and freezes and thaws it, with nothing but the gateway's defaults.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const WebSocket = createRequire(new URL('../node/package.json', import.meta.url))('ws');
const host = '127.0.0.1';
const pollMs = 5;
const patienceMs = 60_000;
const awayMs = 1_000; // between the moment that the loss is noticed and the server's return
const commandsPerMessage = 500;

const { values } = parseArgs({
  options: {
    channels: { type: 'string', default: '20000' },
    connections: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '3' },
  },
});
const number = (name, most) => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  console.error(`--${name}: '${values[name]}' is not a whole number from 1 to ${most}`);
  process.exit(2);
};
const channels = number('channels', 1_000_000);
const connections = number('connections', 10_000);
const rounds = number('rounds', 1_000);
const channelsEach = Math.ceil(channels / connections);
if (channelsEach > 65_536) {
  console.error(`--connections: a connection may hold 65536 channels, not ${channelsEach}`);
  process.exit(2);
}

const children = new Set();
function start(...command) {
  const child = spawn(...command, { stdio: 'ignore' });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}
process.once('exit', () => children.forEach((child) => { child.kill('SIGCONT'); child.kill('SIGKILL'); }));

async function freePort() {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Milliseconds since `from` until `condition()` holds. */
async function elapsed(from, condition, what) {
  while (!(await condition())) {
    if (performance.now() - from > patienceMs) throw new Error(`waited in vain: ${what}`);
    await delay(pollMs);
  }
  return performance.now() - from;
}

const listens = (port) => () => new Promise((resolve) => {
  const socket = connect(port, host, () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

const busPort = await freePort();
const clientPort = await freePort();
const controlPort = await freePort();
const readiness = async () => (await fetch(`http://${host}:${controlPort}/readyz`)).status;
const isReady = async () => (await readiness()) === 200;
const isAway = async () => (await readiness()) === 503;

async function startRedis() {
  const child = start('redis-server', ['--port', String(busPort), '--bind', host, '--save', '', '--appendonly', 'no']);
  await elapsed(performance.now(), listens(busPort), 'redis-server listens');
  return child;
}

/** How many channels somebody is subscribed to at the server. */
async function subscribedAtTheServer() {
  const { stdout } = await promisify(execFile)('redis-cli', ['-h', host, '-p', String(busPort), 'INFO', 'stats']);
  return Number(/pubsub_channels:(\d+)/.exec(stdout)[1]);
}

/** A client with its share of the channels; resolves when all are confirmed. */
async function subscribe(first, count) {
  const socket = new WebSocket(`ws://${host}:${clientPort}/connection/websocket`);
  await once(socket, 'open');
  let missing = count + 1;
  const done = new Promise((resolve, reject) => {
    socket.on('close', (code) => reject(new Error(`a client was closed with ${code}`)));
    socket.on('message', (data) => {
      for (const line of String(data).split('\n')) {
        if (line === '{}') socket.send('{}');
        const reply = JSON.parse(line);
        if (reply.error) reject(new Error(line));
        if (reply.id && --missing === 0) resolve();
      }
    });
  });
  done.catch((failure) => { console.error(failure.message); process.exit(1); });
  socket.send('{"id":1,"connect":{}}');
  for (let i = 0; i < count; i += commandsPerMessage) {
    const lines = Array.from({ length: Math.min(commandsPerMessage, count - i) }, (_, k) =>
      JSON.stringify({ id: i + k + 2, subscribe: { channel: `mail:${first + i + k}` } }));
    socket.send(lines.join('\n'));
  }
  await done;
}

let redis = await startRedis();
start(process.env.GATEWAY_BINARY ?? fileURLToPath(new URL('../../build/release/app/carillon', import.meta.url)),
  ['--dev', '--bus', `redis://${host}:${busPort}`, '--client-listen', `${host}:${clientPort}`,
    '--control-listen', `${host}:${controlPort}`, '--client-subscriptions-max', String(channelsEach)]);
await elapsed(performance.now(), listens(controlPort), 'the gateway listens');
await elapsed(performance.now(), isReady, 'the gateway is ready');
for (let first = 0; first < channels; first += channelsEach) {
  await subscribe(first, Math.min(channelsEach, channels - first));
}
console.log(`${channels} channels, ${await subscribedAtTheServer()} of them subscribed at the server`);

async function round(name, lose, heal) {
  const lost = performance.now();
  await lose();
  const noticed = await elapsed(lost, isAway, 'the gateway notices');
  await delay(awayMs);
  await heal();
  const back = await elapsed(performance.now(), isReady, 'the gateway is ready again');
  const subscribed = await subscribedAtTheServer();
  if (subscribed !== channels) throw new Error(`${subscribed} channels are subscribed, not ${channels}`);
  console.log(`${name}: noticed after ${noticed.toFixed(0)} ms, all subscriptions back ${back.toFixed(0)} ms after its return`);
}

for (let i = 0; i < rounds; ++i) {
  await round('killed and restarted', async () => {
    const ended = once(redis, 'exit');
    redis.kill('SIGKILL');
    await ended;
  }, async () => { redis = await startRedis(); });
}
for (let i = 0; i < rounds; ++i) {
  await round('frozen and thawed', () => redis.kill('SIGSTOP'), () => redis.kill('SIGCONT'));
}
process.exit(0);
