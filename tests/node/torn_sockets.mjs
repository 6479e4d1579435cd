// A client that does with its socket what it likes, and a healthy one beside it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { Centrifuge } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { keepEvents } from './gateway.mjs';
import { Ear, joined } from './raw_carriers.mjs';
import { until } from './redis_server.mjs';

export const channel = 'news';
export const secret = 'a secret of these tests, of 32 bytes and more';
/** For those who only listen. */
export const token = jwt.sign({ sub: '42', channels: [channel] }, secret, { noTimestamp: true });

/** All that a client says until it is subscribed. */
export const openingOf = (carrier) => joined(carrier.hello(channel, token), carrier.greeting(channel, token));

const secureContext = tls.createSecureContext();
const written = (socket, bytes) => new Promise((resolve) => { socket.write(bytes, () => resolve()); });

/** Each byte in a write of its own. */
async function trickle(socket, bytes) {
  for (let i = 0; i < bytes.length; ++i) await written(socket, bytes.subarray(i, i + 1));
}

/** A socket as TLS takes it: the ciphertext comes through here, and can be torn. */
class Wire extends Duplex {
  /** `how(below, bytes)` writes each piece of ciphertext. */
  constructor(below, how) {
    super();
    this.below = below;
    this.how = how;
    below.on('data', (some) => { this.push(some); });
    below.on('end', () => { this.push(null); });
    below.on('close', () => { if (!below.readableEnded) this.destroy(); }); // else what it has brought is read first
  }
  _read() {}
  _write(bytes, _, done) { this.how(this.below, bytes).then(() => done(), done); }
  _final(done) { this.below.end(() => done()); }
}

/** One connection of a carrier. `below` is its TCP socket; what it hears is in `ear`. */
export class Peer {
  sent = 0;        // bytes that the gateway is to read
  ended = false;
  #waiting = [];

  /** `how`: how ciphertext is written, where there is any. */
  static async dial(port, carrier, isEncrypted, how = written) {
    const below = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const encrypted = () => tls.connect({ socket: new Wire(below, how), rejectUnauthorized: false, secureContext });
    const peer = new Peer(carrier, below, isEncrypted ? encrypted() : below);
    await once(below, 'connect');
    return peer;
  }

  constructor(carrier, below, socket) {
    this.ear = new Ear(carrier);
    this.below = below;
    this.socket = socket;
    for (const each of new Set([below, socket])) each.on('error', () => {}); // that it ends is what counts
    socket.on('data', (some) => { this.ear.take(some); this.#look(); });
    socket.on('end', () => { socket.end(); }); // who hears the end has nothing more to say
    socket.on('close', () => { this.ended = true; this.#look(); });
  }

  /** Resolves as soon as `holds(ear)`; fails if the connection ends before that. */
  until(what, holds) {
    return new Promise((resolve, reject) => { this.#waiting.push({ what, holds, resolve, reject }); this.#look(); });
  }
  untilEnded() { return this.until('the end', () => this.ended); }
  untilSubscribed() { return this.until('it is subscribed', (ear) => ear.subscribed); }
  untilAnswered(status) { return this.until(`an answer of ${status}`, (ear) => ear.status === status); }
  untilHeard(n) { return this.until(`publication ${n}`, (ear) => ear.heard.includes(n)); }

  #look() {
    this.#waiting = this.#waiting.filter(({ what, holds, resolve, reject }) => {
      if (holds(this.ear)) return void resolve();
      if (!this.ended) return true;
      const { status, code, heard } = this.ear;
      return void reject(new Error(`the connection ended before ${what}: ${JSON.stringify({ status, code, heard })}`));
    });
  }

  say(bytes) {
    this.sent += bytes.length;
    return written(this.socket, bytes);
  }
  sayByteByByte(bytes) {
    this.sent += bytes.length;
    return trickle(this.socket, bytes);
  }
  /** Half-closes: nothing more comes from here. */
  end(bytes = Buffer.alloc(0)) {
    this.sent += bytes.length;
    this.socket.end(bytes);
  }
  /** Half-closes, and waits for the other half. */
  leave() {
    this.end();
    return this.untilEnded();
  }
  /** What has ended from both sides has nothing to reset, and node.js would never close it. */
  reset() {
    if (this.below.writableEnded) this.below.destroy();
    else this.below.resetAndDestroy();
  }
  destroy() { this.below.destroy(); this.socket.destroy(); }
}

/** How ciphertext is written: each byte in a write of its own. */
export const byteByByte = trickle;

/** Its first piece, the ClientHello, in two, the second when `go` resolves; `told` is told how long it is. */
export function helloCut(cut, go, told) {
  let isFirst = true;
  return async (below, bytes) => {
    if (!isFirst) return written(below, bytes);
    isFirst = false;
    told(bytes.length);
    below.write(bytes.subarray(0, cut));
    await go;
    return written(below, bytes.subarray(cut));
  };
}

const client = 'kind="websocket"';

/** All values of its metrics at one moment. */
class Metrics {
  #lines;

  static async of(gateway) {
    const made = new this();
    made.#lines = (await (await fetch(`http://127.0.0.1:${gateway.ports.control}/metrics`)).text()).split('\n');
    return made;
  }

  /** Over the shards, and over what is not asked for. */
  sum(name, ...labels) {
    return this.#lines
      .filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)) && labels.every((each) => line.includes(each)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
  /** How many connections of clients were closed with each code. */
  get closed() {
    const sums = {};
    for (const line of this.#lines) {
      const found = /^carillon_connections_closed_total\{[^}]*kind="websocket",code="(\w+)"\} (\d+)$/.exec(line);
      if (found && found[2] !== '0') sums[found[1]] = (sums[found[1]] ?? 0) + Number(found[2]);
    }
    return sums;
  }
}

/** A client of the SDK that has to hear every publication, once and in order, whatever others do. */
export class Healthy {
  sent = 0; // bytes, to the bus door
  #published = 0;
  #bus;
  #client;
  #heard;
  #dropped;

  constructor(gateway, isEncrypted) {
    this.gateway = gateway;
    const websocket = class extends WebSocket {
      constructor(url, protocols) { super(url, protocols, { rejectUnauthorized: false, perMessageDeflate: false }); }
    };
    this.#client = new Centrifuge(`${isEncrypted ? 'wss' : 'ws'}://127.0.0.1:${gateway.ports.client}/connection/websocket`, { websocket });
  }

  async begin() {
    const subscription = this.#client.newSubscription(channel);
    this.#heard = keepEvents(subscription, 'publication');
    subscription.subscribe();
    this.#client.connect();
    await subscription.ready(10_000);
    this.#dropped = keepEvents(this.#client, 'connecting');
    this.#bus = net.connect({ port: this.gateway.ports.bus, host: '127.0.0.1', noDelay: true });
  }
  end() {
    this.#client.disconnect();
    this.#bus.destroy();
  }

  /** What is published with it is to be told to hears(). */
  nextNumber() { return ++this.#published; }
  async hears(n) { assert.equal((await this.#heard.next()).data.n, n); }
  /** Published, and heard. */
  async publish(more = {}) {
    const n = this.nextNumber();
    const data = JSON.stringify({ n, ...more });
    const command = `*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${data.length}\r\n${data}\r\n`;
    this.sent += command.length;
    this.#bus.write(command);
    assert.match(String((await once(this.#bus, 'data'))[0]), /^:\d+\r\n$/);
    await this.hears(n);
    return n;
  }
  assertWell() {
    assert.equal(this.#dropped.unread, 0, 'the healthy client was dropped');
    assert.equal(this.#heard.unread, 0, 'the healthy client heard something twice');
  }
}

/** What one torture has: connections of its own, and the accounts of the gateway before it. */
export class Chamber {
  #peers = [];
  #before;
  #sentBefore;

  static async open(t, carrier, healthy) {
    const made = new this();
    Object.assign(made, { t, carrier, healthy, gateway: healthy.gateway });
    made.#sentBefore = healthy.sent;
    made.#before = await Metrics.of(made.gateway);
    t.after(() => { for (const each of made.#peers) each.destroy(); });
    return made;
  }

  async dial({ how, encrypted = this.carrier.encrypted } = {}) {
    const peer = await Peer.dial(this.gateway.ports.client, this.carrier, encrypted, how);
    this.#peers.push(peer);
    return peer;
  }
  /** One that is subscribed, and has heard something. */
  async subscriber() {
    const peer = await this.dial();
    await peer.say(openingOf(this.carrier));
    await peer.untilSubscribed();
    await peer.untilHeard(await this.healthy.publish());
    return peer;
  }
  /** How much a counter has grown. */
  async grown(name, ...labels) { return (await Metrics.of(this.gateway)).sum(name, ...labels) - this.#before.sum(name, ...labels); }
  /** As soon as the gateway has read all that was said. */
  async allRead() {
    const said = this.#peers.reduce((sum, each) => sum + each.sent, this.healthy.sent - this.#sentBefore);
    await until(async () => await this.grown('carillon_bytes_received_total') === said, 'all has been read');
  }

  /**
   * Nothing of it is left, and each of its connections was counted closed with its code: {code: how many}; without `codes`, with
   * whichever.
   */
  async settle(codes) {
    const before = this.#before;
    const expected = { accepted: this.#peers.length, open: 1, unbalanced: 0, partialBytes: 0, outboxes: 0, outboxBytes: 0, leases: 0,
      encrypted: this.carrier.encrypted ? 1 : 0, handshakes: 0, codes };
    let found;
    const look = async () => {
      const now = await Metrics.of(this.gateway), { closed } = now;
      const open = now.sum('carillon_connections_open', client), accepted = now.sum('carillon_connections_accepted_total', client);
      const grown = Object.entries(closed).map(([code, count]) => [code, count - (before.closed[code] ?? 0)]);
      found = { accepted: accepted - before.sum('carillon_connections_accepted_total', client), open,
        unbalanced: accepted - open - now.sum('carillon_connections_closed_total', client),
        partialBytes: now.sum('carillon_partial_bytes'), leases: now.sum('carillon_work_pool_leases_used'),
        outboxes: now.sum('carillon_outboxes'), outboxBytes: now.sum('carillon_outbox_bytes'),
        encrypted: now.sum('carillon_tls_connections'), handshakes: now.sum('carillon_tls_handshakes_in_flight'),
        codes: codes && Object.fromEntries(grown.filter(([, count]) => count > 0)) };
      return isDeepStrictEqual(found, expected);
    };
    await until(look, 'nothing is left of it').catch(() => assert.deepEqual(found, expected));
    const livez = await fetch(`http://127.0.0.1:${this.gateway.ports.control}/livez`);
    assert.equal(livez.status, 200);
    await this.healthy.publish();
    this.healthy.assertWell();
  }
}
