// Many clients in a process of their own, as SDKs are: each with a token and one subscription, back with a pause after every end of its connection,
// and with the position where the stream was. What they hear is counted by offset. For the drills of this folder.
import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

export const secret = 'of these drills only, 32 bytes and more', key = 'open-sesame';
export const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
export const now = () => performance.timeOrigin + performance.now();
export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
export const percentile = (values, part) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
};
export const inMs = (values) => `p50 ${percentile(values, 0.5).toFixed(1)} ms, p99 ${percentile(values, 0.99).toFixed(1)} ms, at most ${percentile(values, 1).toFixed(1)} ms`;

/** `role`: a text that stands in users' names. `sampled`: of every how many clients the latencies are kept. */
export class Crowd {
  #child;
  #answers = [];

  static async start({ port, clients, channel, own = false, recover = false, role = 'user', sampled = 1 }) {
    const made = new Crowd();
    const task = { port, clients, channel, own, recover, role, sampled };
    made.#child = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, CROWD: JSON.stringify(task) } });
    process.once('exit', () => made.#child.kill('SIGKILL'));
    made.#child.on('message', (answer) => made.#answers.shift()(answer));
    await made.#ask('open');
    return made;
  }

  #ask(what, more) {
    this.#child.send({ what, ...more });
    return new Promise((resolve) => { this.#answers.push(resolve); });
  }

  /** Ends all connections in the same moment; resolves when all are back: {took}. */
  breakAll = (pauseMs = 0) => this.#ask('break', { pauseMs });
  /** Everybody sends these lines in the same moment; resolves when all have had their answers: {took, waits, errors}. */
  sendAll = (line) => this.#ask('send', { line });
  /** What came; latencies and waits since the last time that they were `taken`. */
  figures = (taken = true) => this.#ask('figures', { taken });
  /** Resolves when all have heard up to `offset`, or after half a minute. */
  async heardTo(offset) {
    for (let i = 0; i < 300 && (await this.figures(false)).last[0] < offset; ++i) await sleep(100);
  }
  /** Resolves when everybody is connected: {took}. */
  whole = () => this.#ask('whole');

  async end() {
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

// --- the process of the clients

export function token(user) {
  const base64 = (text) => Buffer.from(text).toString('base64url');
  const signed = `${base64('{"alg":"HS256","typ":"JWT"}')}.${base64(JSON.stringify({ sub: user, exp: Math.floor(Date.now() / 1000) + 3600 }))}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const upgrade = 'GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

export function frame(text, opcode = 1) {
  const bytes = Buffer.from(text);
  const head = bytes.length < 126 ? [0x80 | opcode, 0x80 | bytes.length] : [0x80 | opcode, 0xfe, bytes.length >> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), bytes]);
}

class Client {
  position = null; // {offset, epoch} of the stream, once known
  open = false;
  attempts = 0;
  #rest = Buffer.alloc(0);

  constructor(its, crowd) {
    this.its = its;
    this.crowd = crowd;
    this.token = token(`${crowd.task.role}-${its}`);
    this.channel = crowd.task.own ? `${crowd.task.channel}-${its}` : crowd.task.channel;
  }

  connect() {
    this.began ??= now();
    this.#rest = null;
    // From several addresses, so that ports of closed connections, which stay taken for a minute, do not run out.
    const socket = this.socket = net.connect({ port: this.crowd.task.port, host: '127.0.0.1', localAddress: `127.0.1.${1 + this.its % 50}` });
    socket.setNoDelay(true);
    this.why = 'closed';
    this.patience = setTimeout(() => {
      this.why = 'no answer in 15 s';
      socket.destroy();
    }, 15_000);
    socket.on('error', ({ code }) => { this.why = code; });
    socket.on('connect', () => socket.write(upgrade));
    socket.on('data', (some) => { if (socket === this.socket) this.#take(some); });
    socket.on('close', () => { if (socket === this.socket) this.#closed(); });
  }

  #closed() {
    clearTimeout(this.patience);
    if (this.open) {
      this.open = false;
      this.began = now();
      this.crowd.left();
    } else this.crowd.refused(this.why);
    clearTimeout(this.timer);
    // At least a tenth of a second, and by chance up to twice as much with each attempt, as SDKs do.
    const most = Math.min(20_000, 500 * 2 ** this.attempts++);
    this.timer = setTimeout(() => this.connect(), 100 + Math.random() * most);
  }

  end() {
    this.socket.destroy();
  }

  #take(some) {
    if (this.#rest === null) { // the answer to the upgrade
      const head = some.toString('latin1');
      if (!head.startsWith('HTTP/1.1 101 ')) {
        this.why = head.slice(9, 12);
        return this.socket.destroy();
      }
      const { position, crowd } = this;
      const recover = crowd.task.recover && position ? `,"recover":true,"offset":${position.offset},"epoch":"${position.epoch}"` : '';
      this.socket.write(frame(`{"id":1,"connect":{"token":"${this.token}"}}\n{"id":2,"subscribe":{"channel":"${this.channel}"${recover}}}`));
      some = some.subarray(head.indexOf('\r\n\r\n') + 4);
      this.#rest = Buffer.alloc(0);
    }
    let all = this.#rest.length ? Buffer.concat([this.#rest, some]) : some;
    while (all.length >= 2) {
      const kind = all[1] & 0x7f, from = kind === 127 ? 10 : kind === 126 ? 4 : 2;
      if (all.length < from) break;
      const size = kind === 127 ? Number(all.readBigUInt64BE(2)) : kind === 126 ? all.readUInt16BE(2) : kind;
      if (all.length < from + size) break;
      if ((all[0] & 0x0f) === 8) {
        this.crowd.closedWith(size >= 2 ? all.readUInt16BE(from) : 0);
        this.socket.end(frame('\x03\xe8', 8)); // 1000
        return;
      }
      for (const line of all.toString('utf8', from, from + size).split('\n')) this.#line(line);
      all = all.subarray(from + size);
    }
    this.#rest = all.length ? Buffer.from(all) : Buffer.alloc(0);
  }

  #line(line) {
    if (line === '{}') {
      this.crowd.pings++;
      return this.socket.write(frame('{}'));
    }
    if (line.startsWith('{"push":')) {
      const offset = /"offset":(\d+)/.exec(line);
      return this.#heard(offset ? Number(offset[1]) : null, /"sent":([\d.]+)/.exec(line));
    }
    const reply = JSON.parse(line);
    if (reply.id === 3) return this.crowd.answered(this, reply.error);
    if (reply.error) {
      this.why = `error ${reply.error.code}`;
      return this.socket.destroy();
    }
    if (!reply.subscribe) return undefined;
    const { epoch, recovered, publications = [] } = reply.subscribe;
    // With what was missed comes the position before it.
    const offset = publications.at(-1)?.offset ?? reply.subscribe.offset ?? 0;
    if (epoch) {
      if (this.crowd.task.recover && this.position) {
        if (recovered) for (const publication of publications) this.#heard(publication.offset, null, true);
        else this.crowd.unrecovered++;
        if (recovered && this.position.offset !== offset) this.crowd.gaps++;
      }
      this.position = { offset, epoch };
    }
    clearTimeout(this.patience);
    this.open = true;
    this.attempts = 0;
    this.crowd.came(now() - this.began);
    this.began = undefined;
    return undefined;
  }

  #heard(offset, sent, late = false) {
    const { crowd, position } = this;
    crowd.heard++;
    if (late) crowd.recovered++;
    if (offset !== null && position) {
      if (offset <= position.offset) crowd.repeated++;
      else {
        crowd.gaps += offset - position.offset - 1;
        position.offset = offset;
      }
    }
    if (sent && this.its % crowd.task.sampled === 0) crowd.latencies.push(now() - Number(sent[1]));
  }
}

class Here {
  clients = [];
  open = 0;
  heard = 0; recovered = 0; pings = 0; gaps = 0; repeated = 0; unrecovered = 0;
  latencies = []; waits = []; refusals = {}; closes = {}; perSecond = {}; leftPerSecond = {};
  #waiting = [];
  #asked = null;

  constructor(task) {
    this.task = task;
  }

  came(wait) {
    ++this.open;
    this.waits.push(wait);
    const second = Math.floor(now() / 1000);
    this.perSecond[second] = (this.perSecond[second] ?? 0) + 1;
    if (this.open === this.task.clients) for (const each of this.#waiting.splice(0)) each();
  }

  left() {
    --this.open;
    const second = Math.floor(now() / 1000);
    this.leftPerSecond[second] = (this.leftPerSecond[second] ?? 0) + 1;
  }

  refused(why) { this.refusals[why] = (this.refusals[why] ?? 0) + 1; }
  closedWith(code) { this.closes[code] = (this.closes[code] ?? 0) + 1; }

  answered(client, error) {
    const { began, waits, errors, done } = this.#asked;
    waits.push(now() - began);
    if (error) errors[error.code] = (errors[error.code] ?? 0) + 1;
    if (waits.length === this.open) done();
  }

  whole() {
    return this.open === this.task.clients ? Promise.resolve() : new Promise((resolve) => { this.#waiting.push(resolve); });
  }

  async do({ what, line, pauseMs, taken }) {
    const began = now();
    if (what === 'open') {
      while (this.clients.length < this.task.clients) {
        const some = Array.from({ length: Math.min(200, this.task.clients - this.clients.length) }, (_, i) => new Client(this.clients.length + i, this));
        this.clients.push(...some);
        for (const each of some) each.connect();
        while (this.open < this.clients.length) await sleep(5);
      }
    } else if (what === 'break') {
      this.waits = [];
      for (const each of this.clients) {
        each.attempts = 0;
        each.end();
      }
      await sleep(pauseMs + 20); // until all of them know that they are closed
    }
    if (what === 'break' || what === 'whole') await this.whole();
    if (what === 'send') {
      const asked = this.#asked = { began, waits: [], errors: {} };
      const done = new Promise((resolve) => { asked.done = resolve; });
      for (const each of this.clients) each.socket.write(frame(line.replaceAll('{channel}', each.channel)));
      await done;
      return { took: now() - began, waits: asked.waits, errors: asked.errors };
    }
    if (what !== 'figures') return { took: now() - began };
    const { open, heard, recovered, pings, gaps, repeated, unrecovered, latencies, waits, refusals, closes, perSecond, leftPerSecond } = this;
    if (taken) {
      this.latencies = [];
      this.waits = [];
    }
    const offsets = this.clients.map(({ position }) => position?.offset ?? 0);
    return { open, heard, recovered, pings, gaps, repeated, unrecovered, latencies: taken ? latencies : [], waits: taken ? waits : [], refusals, closes, perSecond, leftPerSecond,
      last: [Math.min(...offsets), Math.max(...offsets)] };
  }
}

if (process.env.CROWD && process.argv[1] === fileURLToPath(import.meta.url)) {
  const here = new Here(JSON.parse(process.env.CROWD));
  process.on('message', async (order) => process.send(await here.do(order)));
}
