// The bus door against a real redis-server: the same bytes go to both, and the same bytes must come back.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { startGateway } from './gateway.mjs';
import { rows, loginRows, protocolRows, talks, globs } from './resp_door.rows.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 20_000 };
const host = '127.0.0.1';
const password = 'secret';

/** A port that was free a moment ago. */
async function freePort() {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// What is compared are the words of Redis 7, which clients depend on. Redis 8 changed some of them and brings modules of its
// own, so beside another version the comparison says that it was left out; the door's own tests still run.
const redisVersion = /v=(\d+)/.exec(execFileSync('redis-server', ['--version']).toString())?.[1];
const compared = redisVersion === '7' ? suite : { ...suite, skip: `compared with Redis 7; this redis-server is ${redisVersion}` };

async function startRedis(...flags) {
  const port = await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--bind', host, '--save', '', '--appendonly', 'no', ...flags],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  const ended = once(child, 'close').finally(() => process.off('exit', reap));
  await new Promise((resolve, reject) => {
    child.stdout.on('data', (text) => { if (String(text).includes('Ready to accept connections')) resolve(); });
    ended.then(() => reject(new Error('redis-server ended before it was ready')), reject);
  });
  return { port, stop: async () => { child.kill('SIGKILL'); await ended; } };
}

/** Sends `bytes`, ends its side, and resolves with all that came back. A dialogue without waiting. */
async function askOnce(port, bytes) {
  const socket = net.connect({ host, port, allowHalfOpen: true });
  const parts = [];
  socket.on('data', (part) => parts.push(part));
  socket.on('error', () => {});
  socket.end(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return Buffer.concat(parts).toString('latin1');
}

/** A connection for talks of several: `ask` resolves when everything up to its commands has been answered. */
class Talker {
  #socket;
  #heard = '';
  #mark = 0;
  #waiting = () => {};
  ended = false;

  constructor(port) {
    this.#socket = net.connect({ host, port });
    this.#socket.setEncoding('latin1');
    this.#socket.on('error', () => {});
    this.#socket.on('data', (text) => { this.#heard += text; this.#waiting(); });
    this.#socket.on('close', () => { this.ended = true; this.#waiting(); });
  }

  async ask(bytes) {
    const mark = `mark-${++this.#mark}`;
    this.#socket.write(Buffer.from(`${bytes}PING ${mark}\r\n`, 'latin1'));
    await this.until(() => this.ended || this.#heard.includes(`${mark}\r\n`));
  }

  async until(done) {
    while (!done()) await new Promise((resolve) => { this.#waiting = resolve; });
  }

  get heard() { return this.#heard; }
  drop() { this.#socket.destroy(); }
}

const crlf = (lines) => lines.replaceAll('\n', '\r\n');

const infoLines = /^(# \w+|redis_version|redis_mode|role|loading|connected_clients|maxclients|pubsub\w*|connected_slaves)/;

/** Takes out what differs between any two servers: ids, names of the server, addresses, what only a database has. */
function normal(reply) {
  return reply
    .replaceAll('HELLO <proto> AUTH', 'HELLO AUTH')   // Redis 7.2 has the first, 7.0 the second
    .replaceAll(/(server\r\n)\$\d+\r\n\w+(\r\n\$7\r\nversion\r\n)\$\d+\r\n[\w.]+/g, '$1NAME$2VERSION')
    .replaceAll(/(\$2\r\nid\r\n):\d+/g, '$1:ID')
    .replaceAll(/(?:\$\d+|=\d+)\r\n(?:txt:)?((?:id=\d+ .*\n)+)/g, (_, lines) => lines.replaceAll(
      /id=\d+ addr=[\d.:]+ laddr=[\d.:]+ fd=\d+ name=(\S*) .*?(flags=\w+) db=\d+ (.*?multi=-?\d+) .*?(cmd=\S+ user=\S+ redir=-1 resp=\d).*/g,
      'CLIENT name=$1 $2 $3 $4'))
    .replaceAll(/(?:\$\d+|=\d+)\r\n(txt:)?((?:# \w+\r\n(?:\w+:.*\r\n)*(?:\r\n(?=# ))?)+)/g, (_, kind, text) =>
      `INFO ${kind ?? ''}${text.split('\r\n').filter((line) => infoLines.test(line)).join('|')}`);
}

describe('the door answers as redis-server does', compared, () => {
  let redis, gateway;
  before(async () => {
    redis = await startRedis();
    gateway = await startGateway({ flags: ['--shards', '1'] });
  });
  after(async () => { await gateway?.stop(); await redis?.stop(); });

  async function compare(bytes) {
    const expected = normal(await askOnce(redis.port, bytes));
    assert.equal(normal(await askOnce(gateway.ports.bus, bytes)), expected);
    return expected;
  }

  for (const [name, lines] of rows) {
    test(`RESP2: ${name}`, limit, async () => { await compare(crlf(lines)); });
    test(`RESP3: ${name}`, limit, async () => { await compare(crlf(`HELLO 3\n${lines}`)); });
  }
  for (const [name, bytes] of protocolRows) test(`protocol: ${name}`, limit, async () => { await compare(bytes); });

  test('a pipeline of ten thousand commands', limit, async () => {
    const lines = Array.from({ length: 10_000 }, (_, i) => (i % 3 ? `ECHO ${i}` : `PUBLISH nobody ${i}`));
    const reply = await compare(`${lines.join('\r\n')}\r\n`);
    assert.equal(reply.split('\r\n').length, 6666 * 2 + 3334 + 1);
  });

  for (const [name, steps] of talks) {
    test(`talk: ${name}`, limit, async (t) => {
      const heard = [];
      for (const port of [redis.port, gateway.ports.bus]) {
        const talkers = {};
        t.after(() => Object.values(talkers).forEach((each) => each.drop()));
        for (const [who, lines] of steps) {
          talkers[who] ??= new Talker(port);
          await talkers[who].ask(crlf(lines));
        }
        heard.push(Object.fromEntries(Object.entries(talkers).map(([who, { heard: all }]) => [who, normal(all)])));
        Object.values(talkers).forEach((each) => each.drop());
      }
      assert.deepEqual(heard[1], heard[0]);
    });
  }

  for (const [pattern, channels] of globs) {
    test(`pattern ${pattern}`, limit, async () => {
      const found = [];
      for (const port of [redis.port, gateway.ports.bus]) {
        const listener = new Talker(port);
        const publisher = new Talker(port);
        await listener.ask(`PSUBSCRIBE ${pattern}\r\n`);
        await publisher.ask(channels.map((channel) => `PUBLISH ${channel} x\r\n`).join(''));
        await listener.ask('');
        found.push([listener.heard, publisher.heard]);
        listener.drop();
        publisher.drop();
      }
      assert.deepEqual(found[1], found[0]);
    });
  }

  const kills = [
    ['by id', (id) => `CLIENT KILL ID ${id}`],
    ['by id among the subscribers', (id) => `CLIENT KILL TYPE pubsub ID ${id}`],
    ['by the user, but not itself', () => 'CLIENT KILL USER default'],
    ['by type', () => 'CLIENT KILL TYPE pubsub SKIPME no'],
    ['by the local address, but not itself', (_, port) => `CLIENT KILL LADDR ${host}:${port}`],
  ];
  for (const [name, command] of kills) {
    test(`CLIENT KILL ${name}`, limit, async () => {
      const found = [];
      for (const port of [redis.port, gateway.ports.bus]) {
        const victim = new Talker(port);
        const killer = new Talker(port);
        await victim.ask('CLIENT ID\r\nSUBSCRIBE news\r\n');
        await killer.ask('');
        const before = killer.heard.length;
        await killer.ask(`${command(/:(\d+)/.exec(victim.heard)[1], port)}\r\n`);
        await victim.until(() => victim.ended);
        found.push(killer.heard.slice(before));
        killer.drop();
      }
      assert.match(found[0], /^:1\r\n/);
      assert.equal(found[1], found[0]);
    });
  }

  test('CLIENT KILL of oneself is answered first', limit, async () => {
    for (const port of [redis.port, gateway.ports.bus]) {
      const talker = new Talker(port);
      await talker.ask('CLIENT ID\r\n');
      const before = talker.heard.length;
      await talker.ask(`CLIENT KILL ID ${/:(\d+)/.exec(talker.heard)[1]} SKIPME no\r\n`);
      assert.equal(talker.heard.slice(before), ':1\r\n');
      assert.ok(talker.ended);
    }
  });
});

describe('with a password the door answers as redis-server does', compared, () => {
  let redis, gateway;
  before(async () => {
    redis = await startRedis('--requirepass', password);
    gateway = await startGateway({ flags: ['--shards', '1', '--bus-password', password] });
  });
  after(async () => { await gateway?.stop(); await redis?.stop(); });

  for (const [name, lines] of loginRows) {
    test(name, limit, async () => {
      const expected = normal(await askOnce(redis.port, crlf(lines)));
      assert.equal(normal(await askOnce(gateway.ports.bus, crlf(lines))), expected);
    });
  }
});

describe('several shards are one server', suite, () => {
  let gateway;
  const count = 16; // connections: the kernel spreads them over the shards
  before(async () => { gateway = await startGateway({ flags: ['--shards', '4'] }); });
  after(() => gateway?.stop());

  test('PUBSUB, patterns and sharded channels see the connections of all shards', limit, async (t) => {
    const talkers = Array.from({ length: count }, () => new Talker(gateway.ports.bus));
    t.after(() => talkers.forEach((each) => each.drop()));
    for (const [i, each] of talkers.entries()) {
      await each.ask(crlf(`SUBSCRIBE all own-${i}\nPSUBSCRIBE a*\nSSUBSCRIBE all\n`));
    }
    const asker = new Talker(gateway.ports.bus);
    t.after(() => asker.drop());
    await asker.ask(crlf('PUBSUB NUMSUB all own-3 none\nPUBSUB NUMPAT\nPUBSUB SHARDNUMSUB all\nPUBSUB CHANNELS own-1?\n' +
      'PUBSUB SHARDCHANNELS\nPUBLISH all x\nSPUBLISH all y\n'));
    const names = Array.from({ length: 6 }, (_, i) => `$6\r\nown-1${i}\r\n`).join('');
    assert.equal(asker.heard, `*6\r\n$3\r\nall\r\n:${count}\r\n$5\r\nown-3\r\n:1\r\n$4\r\nnone\r\n:0\r\n:1\r\n` +
      `*2\r\n$3\r\nall\r\n:${count}\r\n*6\r\n${names}*1\r\n$3\r\nall\r\n:${2 * count}\r\n:${count}\r\n+PONG\r\n`.replace(
        '+PONG', '$6\r\nmark-1'));
    for (const each of talkers) {
      await each.ask('');
      for (const kind of ['message', 'pmessage', 'smessage']) {
        assert.equal(each.heard.split(`\r\n${kind}\r\n`).length, 2, `${kind} once`);
      }
    }
  });

  test('CLIENT LIST, CLIENT KILL and INFO see the connections of all shards', limit, async (t) => {
    const talkers = Array.from({ length: count }, () => new Talker(gateway.ports.bus));
    t.after(() => talkers.forEach((each) => each.drop()));
    for (const [i, each] of talkers.entries()) await each.ask(crlf(`CLIENT SETNAME talker-${i}\nSUBSCRIBE news\n`));
    const asker = new Talker(gateway.ports.bus);
    t.after(() => asker.drop());
    await asker.ask(crlf('CLIENT LIST TYPE pubsub\nINFO clients\n'));
    for (let i = 0; i < count; ++i) assert.equal(asker.heard.split(`name=talker-${i} `).length, 2);
    const shards = new Set([...asker.heard.matchAll(/id=(\d+) /g)].map(([, id]) => BigInt(id) >> 40n));
    assert.ok(shards.size > 1, 'they are on several shards');
    await asker.ask('CLIENT KILL TYPE pubsub\r\n');
    assert.match(asker.heard, new RegExp(`:${count}\r\n`));
    for (const each of talkers) await each.until(() => each.ended);
  });

  test('who ends its side right behind its commands gets the answers', limit, async () => {
    const bytes = (i) => `PUBLISH nobody-${i} x\r\nPUBSUB NUMSUB nobody-${i}\r\nPUBLISH nobody-${i} y\r\nECHO ${i}\r\n`;
    const numbers = Array.from({ length: 64 }, (_, i) => i);
    const answers = await Promise.all(numbers.map((i) => askOnce(gateway.ports.bus, bytes(i))));
    for (const i of numbers) {
      const name = `nobody-${i}`;
      assert.equal(answers[i], `:0\r\n*2\r\n$${name.length}\r\n${name}\r\n:0\r\n:0\r\n$${String(i).length}\r\n${i}\r\n`);
    }
  });

  test('replies of a deep pipeline keep their order while the shards are asked', limit, async (t) => {
    const talker = new Talker(gateway.ports.bus);
    t.after(() => talker.drop());
    const lines = Array.from({ length: 3000 }, (_, i) =>
      [`ECHO ${i}`, `PUBLISH nobody-${i} x`, 'PUBSUB NUMPAT', `PUBSUB NUMSUB ${i}`][i % 4]);
    await talker.ask(`${lines.join('\r\n')}\r\n`);
    const expected = lines.map((line, i) =>
      [`$${String(i).length}\r\n${i}\r\n`, ':0\r\n', ':0\r\n', `*2\r\n$${String(i).length}\r\n${i}\r\n:0\r\n`][i % 4]);
    assert.equal(talker.heard, `${expected.join('')}$6\r\nmark-1\r\n`);
  });
});
