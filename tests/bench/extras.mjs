// What a connection costs more in the gateway's memory with what is not on by default: resident bytes for each, as the slope
// between 1,500 connections and 9,000. And what commands of the bus door that look at everything cost.
//   node tests/bench/extras.mjs
// GATEWAY_BINARY and BENCH_BINARY: the programs, without them those of build/release. Processor time is the process', so that
// a busy machine matters less.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startGateway } from '../node/gateway.mjs';

const bench = process.env.BENCH_BINARY ?? fileURLToPath(new URL('../../build/release/app/carillon-bench', import.meta.url));
const few = 1500, many = 9000, channelsMax = 100_000, patternsMax = 20_000, rounds = 5;

const folder = mkdtempSync(join(tmpdir(), 'carillon-extras-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const application = createServer((request, response) => request.resume().on('end', () => response.end('{}'))).listen(0, '127.0.0.1');
await once(application, 'listening');

async function withGateway(toml, flags, use) {
  const file = join(folder, 'carillon.toml');
  writeFileSync(file, toml);
  const gateway = await startGateway({ flags: ['--shards', '1', '--config', file, ...flags] });
  try {
    return await use(gateway);
  } finally {
    await gateway.stop();
  }
}

const bytes = (toml, ...more) => withGateway(`[[namespace]]\nsubscribe = ["anonymous"]\n${toml}`, [], async (gateway) => {
  const { stdout } = await promisify(execFile)(bench, ['idle', '--url', gateway.socketUrl, '--connections', `${many}`, '--from', `${few}`,
    ...more, '--duration', '1', '--server-pid', `${gateway.pid}`, '--json', '-', '--quiet'], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout).memory.bytes_per_connection.resident;
});

const resident = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

/** Sockets that say nothing, each from an address of its own. */
const bytesOfSockets = (flags) => withGateway('', ['--client-handshake-timeout-ms', '300000', ...flags], async (gateway) => {
  const sockets = [];
  const upTo = async (count) => {
    while (sockets.length < count) {
      const n = sockets.length;
      const socket = connect({ host: '127.0.0.1', port: gateway.ports.client, localAddress: `127.1.${n >> 8}.${n & 255}` });
      sockets.push(socket);
      await once(socket, 'connect');
    }
    while (await gateway.metric('carillon_connections_accepted_total') < count);
    return resident(gateway.pid);
  };
  const before = await upTo(few);
  const after = await upTo(many);
  for (const each of sockets) each.destroy();
  return (after - before) / (many - few);
});

const events = `occupancy_events = true\n[[proxy]]\nevent = ["occupied", "vacated"]\nurl = "http://127.0.0.1:${application.address().port}/"\n`;
const row = (what, each, base) => console.log(`${what}: ${each.toFixed(0)} bytes${base === undefined ? '' : `, ${(each - base).toFixed(0)} more`}`);
const own = '--own-channels';
const plain = await bytes('', own);
row('a channel for each', plain);
row('with occupancy_events', await bytes(events, own), plain);
row('with presence', await bytes('presence = true\n', own), plain);
const together = await bytes('');
row('one channel for all', together);
row('with presence', await bytes('presence = true\n'), together);
const silent = await bytesOfSockets([]);
row('a socket from each of as many addresses', silent);
row('with address_connections_max', await bytesOfSockets(['--address-connections-max', '5']), silent);
application.close();

// --- commands of the bus door that look at everything

const command = (...words) => `*${words.length}\r\n${words.map((each) => `$${Buffer.byteLength(each)}\r\n${each}\r\n`).join('')}`;

/** Processor time of the process so far, in ms. */
const processorMs = (pid) => readdirSync(`/proc/${pid}/task`)
  .reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]), 0) / 1e6;

await withGateway('', [], async (gateway) => {
  const door = async () => {
    const socket = connect(gateway.ports.bus, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  /** Sends `words`, and waits until `count` lines have come that begin with `sign`. */
  const ask = async (socket, text, sign, count) => {
    let last = '\n', seen = 0;
    const enough = new Promise((resolve) => {
      const take = (part) => {
        for (const letter of part.toString('latin1')) {
          if (last === '\n' && letter === sign && ++seen === count) {
            socket.off('data', take);
            resolve();
          }
          last = letter;
        }
      };
      socket.on('data', take);
    });
    const before = processorMs(gateway.pid);
    socket.write(text);
    await enough;
    return processorMs(gateway.pid) - before;
  };
  /** `count` names in commands of a thousand. */
  const named = (word, count, form) => Array.from({ length: count / 1000 }, (_, k) =>
    command(word, ...Array.from({ length: 1000 }, (__, n) => form(1000 * k + n)))).join('');
  const median = (of) => of.sort((a, b) => a - b)[of.length >> 1];
  const listener = await door(), other = await door();
  await ask(listener, named('SUBSCRIBE', channelsMax, (n) => `channel:${n}`), ':', channelsMax);
  const lists = [];
  for (let round = 0; round < rounds; ++round) lists.push(await ask(other, command('PUBSUB', 'CHANNELS'), 'c', channelsMax));
  console.log(`PUBSUB CHANNELS with ${channelsMax} channels: ${median(lists).toFixed(1)} ms of processor time`);
  console.log(`UNSUBSCRIBE of all: ${(await ask(listener, command('UNSUBSCRIBE'), ':', channelsMax)).toFixed(1)} ms`);
  await ask(listener, named('PSUBSCRIBE', patternsMax, (n) => `pattern:${n}*`), ':', patternsMax);
  const publications = [];
  for (let round = 0; round < rounds; ++round) publications.push(await ask(other, command('PUBLISH', 'pattern:x', 'x'), ':', 1));
  console.log(`PUBLISH where there are ${patternsMax} patterns: ${median(publications).toFixed(1)} ms`);
  listener.destroy();
  other.destroy();
});
