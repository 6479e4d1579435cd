// What comes in place of what should, with what it comes to.
import assert from 'node:assert/strict';
import { deflateRawSync } from 'node:zlib';
import { bits, frame, joined, part, request } from './raw_carriers.mjs';
import { channel, token } from './torn_sockets.mjs';

export const messageBytesMax = 65_536;
export const headBytesMax = 8_192;

const start = (first, ...more) => Buffer.from([first, ...more]);
const fin = bits.fin;
const half = ({ speech, onlyListens }) =>
  part(onlyListens ? Buffer.from(JSON.stringify({ token })) : speech.connectAndSubscribe(channel), 0.8);

/** In place of a head. What comes of it is a status. */
const heads = [
  ['no HTTP', () => Buffer.from('\x16\x03\x01\x02\r\n\r\n'), 400],
  ['a head that is cut by an empty line', (carrier) => joined(part(carrier.hello(channel, token), 0.1), Buffer.from('\r\n\r\n')), 400],
  ['a head that is too long', ({ path }) => request('GET', path, undefined, `X-Long: ${'x'.repeat(headBytesMax)}`), 431],
  ['a request line that is too long', ({ path }) => request('GET', `${path}?${'x'.repeat(headBytesMax)}`), 414],
];

/** In place of a frame of who is subscribed. What comes of it is a close code. */
const frames = [
  ['a frame without a mask', () => true, () => start(fin | bits.text, 1, 0x20), 1002],
  ['an opcode that there is not', () => true, () => frame(fin | 3), 1002],
  ['reserved bits', () => true, () => frame(fin | bits.text | 0x20), 1002],
  ['compression that was not agreed to', ({ deflates }) => !deflates, () => frame(fin | bits.text | bits.deflated), 1002],
  ['the rest of nothing', () => true, () => frame(fin), 1002],
  ['a ping of 126 bytes', () => true, () => frame(fin | bits.ping, Buffer.alloc(126)), 1002],
  ['a ping in two fragments', () => true, () => frame(bits.ping), 1002],
  ['a message that is too large', () => true,
    () => joined(start(fin | bits.text, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0), Buffer.alloc(messageBytesMax + 1)), 1009],
  ['a text that is no UTF-8', () => true, () => frame(fin | bits.text, start(0xff)), 1007],
  ['no DEFLATE', ({ deflates }) => deflates, () => frame(fin | bits.text | bits.deflated, Buffer.from('no DEFLATE')), 1007],
  ['a DEFLATE that is cut', ({ deflates }) => deflates,
    () => frame(fin | bits.text | bits.deflated, part(deflateRawSync(Buffer.alloc(99), { level: 0 }), 0.5)), 1007],
  ['a bomb', ({ deflates }) => deflates, () => frame(fin | bits.text | bits.deflated, deflateRawSync(Buffer.alloc(10_000_000))), 1009],
  ['an empty message', ({ onlyListens }) => !onlyListens, (carrier) => carrier.say(Buffer.alloc(0)), 3501],
  ['half a command', ({ onlyListens }) => !onlyListens, (carrier) => carrier.say(part(carrier.speech.publish(3, channel, { n: 0 }), 0.5)), 3501],
];

/** In place of what a stream begins with: the status, and if that is 200 why it ends. */
const beginnings = [
  ['half a command', () => true, (carrier) => carrier.ask(half(carrier)), 200, 3501],
  ['no command', ({ emulated }) => emulated, (carrier) => carrier.ask(Buffer.alloc(0)), 200, 3501],
  ['a body that is too large', ({ posts }) => posts, ({ ask }) => ask(Buffer.alloc(messageBytesMax + 1, ' ')), 413],
  ['a body without a length', ({ posts }) => posts, ({ path }) => request('POST', path), 411],
  ['a body in chunks', ({ posts }) => posts, ({ path }) => request('POST', path, undefined, 'Transfer-Encoding: chunked'), 411],
  ['a query that is not encoded', ({ posts }) => !posts, ({ path }) => request('GET', `${path}?cf_connect=%zz`), 400],
  ['another method', () => true, ({ path }) => request('PUT', path, Buffer.from('{}')), 405],
];

const likeButAnother = (session) => session.slice(0, -1) + (session.endsWith('0') ? '1' : '0');

/** In place of what such a client says later: the status, and what becomes of the client, which has `mine`. */
const emulations = [
  ['half a request', (carrier, { node, session }) => {
    const body = carrier.speech.emulation(node, session, Buffer.from('{}'));
    return request('POST', '/emulation', part(body, 0.7), ...carrier.fields);
  }, 400],
  ['nothing', () => request('POST', '/emulation', Buffer.alloc(0)), 400],
  ['a body that is too large', () => request('POST', '/emulation', Buffer.alloc(messageBytesMax + 1, ' ')), 413],
  ['another method', () => request('GET', '/emulation'), 405],
  ['no session', (carrier, mine) => carrier.emulation(mine.node, 'x', half(carrier)), 404],
  ['a session on another node', (carrier, mine) => carrier.emulation('x', mine.session, half(carrier)), 404],
  ["nobody's session", (carrier, mine) => carrier.emulation(mine.node, likeButAnother(mine.session), half(carrier)), 204],
  ['half a command', (carrier, mine) => carrier.emulation(mine.node, mine.session, half(carrier)), 204, 3501],
];

/** The rows of a carrier: a name, and a torture. */
export function rubbishFor(carrier) {
  const rows = heads.map(([name, bytes, status]) => [`${name} is ${status}`, async (chamber) => {
    const peer = await chamber.dial();
    await peer.say(bytes(carrier));
    await peer.untilAnswered(status);
    await peer.untilEnded();
    assert.equal(await chamber.grown('carillon_upgrade_refused_total'), 1);
    return { 0: 1 };
  }]);
  for (const [name, applies, bytes, code] of carrier.framed ? frames : []) {
    if (!applies(carrier)) continue;
    rows.push([`${name} closes with ${code}, as the first frame and later`, async (chamber) => {
      const first = await chamber.dial(), later = await chamber.subscriber();
      await first.say(joined(carrier.hello(), bytes(carrier)));
      await later.say(bytes(carrier));
      await Promise.all([first.untilEnded(), later.untilEnded()]);
      assert.deepEqual([first.ear.code, later.ear.code], [code, code]);
      assert.equal(await chamber.grown('carillon_protocol_failures_total'), 2);
      return { [code]: 2 };
    }]);
  }
  for (const [name, applies, bytes, status, code] of carrier.framed ? [] : beginnings) {
    if (!applies(carrier)) continue;
    rows.push([`${name} is ${status}${code ? `, and ends with ${code}` : ''}`, async (chamber) => {
      const peer = await chamber.dial();
      await peer.say(bytes(carrier));
      await peer.untilEnded();
      assert.deepEqual([peer.ear.status, peer.ear.code], [status, code ?? 0]);
      return { [code ?? 0]: 1 };
    }]);
  }
  if (!carrier.framed) {
    rows.push(['what comes behind the request is ignored', async (chamber) => {
      const peer = await chamber.subscriber();
      for (const [, bytes] of heads) await peer.say(bytes(carrier));
      await chamber.allRead();
      await peer.untilHeard(await chamber.healthy.publish());
      await peer.leave();
      return { 1006: 1 };
    }]);
  }
  if (carrier.encrypted) {
    rows.push(['HTTP without TLS is 400', async (chamber) => {
      const peer = await chamber.dial({ encrypted: false });
      peer.below.write(carrier.hello(channel, token));
      await peer.untilEnded();
      assert.equal(peer.ear.status, 400);
      return { 0: 1 };
    }], ['a TLS record that is none ends it', async (chamber) => {
      const peer = await chamber.subscriber();
      peer.below.write('no record');
      await peer.untilEnded();
      return { 1006: 1 };
    }]);
  }
  for (const [name, bytes, status, code] of carrier.emulated ? emulations : []) {
    rows.push([`to /emulation, ${name} is ${status}${code ? `, and ends its client with ${code}` : ''}`, async (chamber) => {
      const owner = await chamber.subscriber(), peer = await chamber.dial();
      await peer.say(bytes(carrier, owner.ear));
      await peer.untilEnded();
      assert.equal(peer.ear.status, status);
      if (code) {
        await owner.untilEnded();
        assert.equal(owner.ear.code, code);
      } else {
        await owner.untilHeard(await chamber.healthy.publish());
        await owner.leave();
      }
      return { 0: 1, [code ?? 1006]: 1 };
    }]);
  }
  return rows;
}
