// What each carrier is on its socket, byte by byte: what a client sends, and what it makes of what it hears. No SDK and no library
// stands in between, so that a test can tear it at any place.
import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

const bytesOf = (text) => Buffer.from(text);
export const joined = (...parts) => Buffer.concat(parts);
export const part = (bytes, share) => bytes.subarray(0, Math.trunc(bytes.length * share));

// --- protobuf: as much of proto/client.proto as these clients need

const varint = (value) => {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
};
const delimited = (bytes) => joined(varint(bytes.length), bytes);
const number = (field, value) => joined(varint(field << 3), varint(value));
const nested = (field, ...parts) => joined(varint((field << 3) | 2), delimited(joined(...parts)));

/** The varint at `at`, and where it ends; nothing if it is not whole. */
function varintAt(bytes, at) {
  let value = 0;
  for (let shift = 1; at < bytes.length; shift *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * shift;
    if (byte < 128) return { value, at };
  }
}

/** The last value of each field: a number, or bytes. Of what is left out, nothing. */
function fieldsOf(bytes) {
  const found = {};
  for (let at = 0; bytes && at < bytes.length;) {
    const key = varintAt(bytes, at), next = varintAt(bytes, key.at);
    const isNumber = (key.value & 7) === 0;
    at = isNumber ? next.at : next.at + next.value;
    found[key.value >>> 3] = isNumber ? next.value : bytes.subarray(next.at, at);
  }
  return found;
}

const json = {
  connectAndSubscribe: (channel) => bytesOf(`{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"${channel}"}}`),
  publish: (id, channel, data) => bytesOf(JSON.stringify({ id, publish: { channel, data } })),
  unsubscribe: (id, channel) => bytesOf(JSON.stringify({ id, unsubscribe: { channel } })),
  emulation: (node, session, data) => bytesOf(JSON.stringify({ node, session, data: data.toString() })),
  read: (message) => message.toString().split('\n').filter(Boolean).map((line) => JSON.parse(line)),
};
const protobuf = {
  connectAndSubscribe: (channel) => joined(delimited(joined(number(1, 1), nested(4))),
    delimited(joined(number(1, 2), nested(5, nested(1, bytesOf(channel)))))),
  publish: (id, channel, data) => delimited(joined(number(1, id),
    nested(7, nested(1, bytesOf(channel)), nested(2, bytesOf(JSON.stringify(data)))))),
  unsubscribe: (id, channel) => delimited(joined(number(1, id), nested(6, nested(1, bytesOf(channel))))),
  emulation: (node, session, data) => joined(nested(1, bytesOf(node)), nested(2, bytesOf(session)), nested(3, data)),
  read: (message) => {
    const replies = [];
    for (let at = 0; at < message.length;) {
      const size = varintAt(message, at);
      at = size.at + size.value;
      const { 1: id, 4: push, 5: connect } = fieldsOf(message.subarray(size.at, at));
      const reply = { id };
      if (connect) {
        const { 9: session, 10: node } = fieldsOf(connect);
        reply.connect = { session: session?.toString(), node: node?.toString() };
      }
      const { 4: pub, 11: disconnect } = fieldsOf(push);
      if (pub) reply.push = { pub: { data: JSON.parse(fieldsOf(pub)[4]) } };
      if (disconnect) reply.push = { disconnect: { code: fieldsOf(disconnect)[1] } };
      replies.push(reply);
    }
    return replies;
  },
};

// --- HTTP and WebSocket

const endOfHead = '\r\n\r\n';

export function request(method, path, body, ...fields) {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  return joined(bytesOf([`${method} ${path} HTTP/1.1`, 'Host: a', ...length, ...fields, '', ''].join('\r\n')), body ?? Buffer.alloc(0));
}

const upgrade = (path, ...fields) => request('GET', path, undefined, 'Upgrade: websocket', 'Connection: Upgrade',
  'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...fields);

export const bits = { fin: 0x80, deflated: 0x40, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** A client's frame: masked. */
export function frame(first, payload = Buffer.alloc(0)) {
  const mask = randomBytes(4);
  const length = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  return joined(Buffer.from([first, ...length]), mask, payload.map((byte, i) => byte ^ mask[i % 4]));
}

const deflated = (payload) => deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const inflated = (payload) => inflateRawSync(joined(payload, Buffer.from([0, 0, 255, 255])), { finishFlush: constants.Z_SYNC_FLUSH });

/** The server's frame at the front, and what is behind it; nothing if it is not whole. */
function firstFrame(bytes) {
  if (bytes.length < 10 && bytes.length < 2 + (bytes[1] === 126 ? 2 : bytes[1] === 127 ? 8 : 0)) return undefined;
  if (bytes.length < 2) return undefined;
  const [size, at] = bytes[1] === 126 ? [bytes.readUInt16BE(2), 4] : bytes[1] === 127 ? [bytes.readUInt32BE(6), 10] : [bytes[1], 2];
  if (bytes.length < at + size) return undefined;
  const payload = bytes.subarray(at, at + size);
  return { what: bytes[0] & 15, payload: bytes[0] & bits.deflated ? inflated(payload) : payload, rest: bytes.subarray(at + size) };
}

/** How messages lie in the body of a response: the first one, and what is behind it. */
const between = (mark, unwrapped) => (bytes) => {
  const at = bytes.indexOf(mark);
  return at < 0 ? undefined : { payload: unwrapped(bytes.subarray(0, at)), rest: bytes.subarray(at + mark.length) };
};
const firstLine = between('\n', (line) => line);
const firstEvent = between('\n\n', (event) => event.subarray(event.indexOf('data: ') < 0 ? event.length : event.indexOf('data: ') + 6));
function firstDelimited(bytes) {
  const size = varintAt(bytes, 0);
  const end = size && size.at + size.value;
  return end === undefined || bytes.length < end ? undefined : { payload: bytes.subarray(0, end), rest: bytes.subarray(end) };
}

/** What one client has heard so far. */
export class Ear {
  status = 0;        // of the response
  session; node;     // as its connect reply says them
  answered = new Set();  // the ids of the commands that were
  heard = [];        // the numbers of the publications
  code = 0;          // why it was disconnected
  pongs = 0;
  #carrier;
  #bytes = Buffer.alloc(0);

  constructor(carrier) { this.#carrier = carrier; }

  take(some) {
    this.#bytes = joined(this.#bytes, some);
    if (this.status === 0) {
      const end = this.#bytes.indexOf(endOfHead);
      if (end < 0) return;
      this.status = Number(this.#bytes.subarray(9, 12));
      this.#bytes = this.#bytes.subarray(end + endOfHead.length);
    }
    if (this.status !== 101 && this.status !== 200) return; // its body is for people
    for (let one; (one = this.#carrier.first(this.#bytes)) !== undefined; this.#bytes = one.rest) {
      if (one.what === bits.close) this.code = one.payload.readUInt16BE(0);
      else if (one.what === bits.pong) ++this.pongs;
      else for (const reply of this.#carrier.speech.read(one.payload)) this.#note(reply);
    }
  }

  get subscribed() { return this.#carrier.onlyListens ? this.session !== undefined : this.answered.has(2); }

  #note({ id, connect, ...reply }) {
    const { pub, disconnect } = reply.push ?? reply;
    if (id) this.answered.add(id);
    if (connect) ({ session: this.session, node: this.node } = connect);
    if (pub) this.heard.push(pub.data.n);
    if (disconnect) this.code = disconnect.code;
  }
}

// --- the carriers

const subprotocol = 'Sec-WebSocket-Protocol: centrifuge-protobuf';
const octets = 'Content-Type: application/octet-stream';

/** A WebSocket: what it says comes in frames, after its head. */
function webSocket(name, { path = '/connection/websocket', fields = [], speech = json, encode = (bytes) => bytes, ...more } = {}) {
  const first = (speech === json ? bits.text : bits.binary) | (encode === deflated ? bits.deflated : 0);
  return { name, path, speech, framed: true, first: firstFrame, ...more,
    say: (message) => frame(bits.fin | first, encode(message)),
    /** The same in two fragments, with a ping in between. */
    sayInFragments: (message) => {
      const bytes = encode(message), half = bytes.length >> 1;
      return joined(frame(first, bytes.subarray(0, half)), frame(bits.fin | bits.ping, bytesOf('?')), frame(bits.fin, bytes.subarray(half)));
    },
    hello: () => upgrade(path, ...fields),
    greeting(channel, token) {
      return this.say(this.onlyListens ? bytesOf(JSON.stringify({ token })) : speech.connectAndSubscribe(channel));
    } };
}

/** A response that goes on: what it says comes as the body of a POST or in the query of a GET, and later by /emulation. */
function stream(name, { path, method, speech = json, first, ...more }) {
  const fields = speech === protobuf ? [octets] : [];
  const ask = (message) => (method === 'POST' ? request('POST', path, message, ...fields)
    : request('GET', `${path}?cf_connect=${encodeURIComponent(message)}`));
  return { name, path, speech, first, framed: false, posts: method === 'POST', ...more, ask, fields,
    emulated: !more.onlyListens,
    hello(channel, token) {
      return ask(this.onlyListens ? bytesOf(JSON.stringify({ token })) : speech.connectAndSubscribe(channel));
    },
    greeting: () => Buffer.alloc(0),
    emulation: (node, session, message) => request('POST', '/emulation', speech.emulation(node, session, message), ...fields) };
}

export const carriers = [
  webSocket('WebSocket, JSON'),
  webSocket('WebSocket, protobuf', { speech: protobuf, fields: [subprotocol] }),
  webSocket('WebSocket over TLS', { encrypted: true }),
  stream('SSE', { path: '/connection/sse', method: 'GET', first: firstEvent }),
  stream('HTTP stream, JSON', { path: '/connection/http_stream', method: 'POST', first: firstLine }),
  stream('HTTP stream, protobuf', { path: '/connection/http_stream', method: 'POST', speech: protobuf, first: firstDelimited }),
  stream('HTTP stream over TLS', { path: '/connection/http_stream', method: 'POST', first: firstLine, encrypted: true }),
  webSocket('uni_websocket', { path: '/connection/uni_websocket', onlyListens: true }),
  stream('uni_sse', { path: '/connection/uni_sse', method: 'GET', first: firstEvent, onlyListens: true }),
  stream('uni_http_stream', { path: '/connection/uni_http_stream', method: 'POST', first: firstLine, onlyListens: true }),
  webSocket('WebSocket, compressed', { encode: deflated, fields: ['Sec-WebSocket-Extensions: permessage-deflate'], deflates: true }),
];
