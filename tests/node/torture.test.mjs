// Every carrier through every torture: torn, slow, half-closed, reset, and rubbish. Beside each a client of the SDK hears every
// publication once and in order, and after each the gateway's accounts are what they were.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Certificates } from './certificates.mjs';
import { startGateway } from './gateway.mjs';
import { bits, carriers, frame, joined, part } from './raw_carriers.mjs';
import { until } from './redis_server.mjs';
import { headBytesMax, messageBytesMax, rubbishFor } from './rubbish.rows.mjs';
import { Chamber, Healthy, byteByByte, channel, helloCut, openingOf, secret, token } from './torn_sockets.mjs';

const suite = { timeout: 500_000 };
const limit = { timeout: 60_000 };

const folder = mkdtempSync(join(tmpdir(), 'carillon-torture-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const configuration = join(folder, 'carillon.toml');
// No ping comes in between, so that each byte that the gateway reads is one of the tortured.
writeFileSync(configuration, `
anonymous = true
token_hmac_secret = "${secret}"
client_ping_interval_ms = 600_000
client_message_bytes_max = ${messageBytesMax}
client_head_bytes_max = ${headBytesMax}
client_outbox_bytes_max = 700_000
client_handshake_timeout_ms = 60_000
client_connect_timeout_ms = 60_000
websocket_compression = true
websocket_compression_bytes_min = 1
[[namespace]]
subscribe = ["anonymous"]
publish = ["anonymous"]
`);

const abnormal = { 1006: 1 }, noConversation = { 0: 1 };
const assertInOrder = (heard) => assert.deepEqual(heard, heard.map((_, i) => heard[0] + i));

// --- torn

/** Cuts in two at each place, all of them at once, so that the gateway has read every first part before a second one comes. */
async function cutEverywhere(chamber, bytesFor, count, then) {
  const torn = [];
  for (let cut = 1; cut < count; ++cut) {
    const bytes = bytesFor(cut), peer = await chamber.dial();
    await peer.say(bytes.subarray(0, cut));
    torn.push({ peer, rest: bytes.subarray(cut) });
  }
  await chamber.allRead();
  assert.ok(await chamber.grown('carillon_partial_bytes') > 0);
  await chamber.healthy.publish();
  await Promise.all(torn.map(({ peer, rest }) => peer.say(rest)));
  await Promise.all(torn.map(({ peer }) => then(peer)));
  return torn.map(({ peer }) => peer);
}

const tears = [
  ['byte by byte', () => true, async (chamber) => {
    const { carrier, healthy } = chamber;
    const peer = await chamber.dial({ how: byteByByte });
    await peer.sayByteByByte(openingOf(carrier));
    await peer.untilSubscribed();
    await peer.untilHeard(await healthy.publish());
    if (carrier.framed && !carrier.onlyListens) {
      const n = healthy.nextNumber();
      await peer.sayByteByByte(carrier.sayInFragments(carrier.speech.publish(3, channel, { n })));
      await healthy.hears(n);
      await peer.until('its reply, its publication and a pong', (ear) => ear.answered.has(3) && ear.heard.includes(n) && ear.pongs === 1);
    }
    let codes = abnormal;
    if (carrier.emulated) {
      const n = healthy.nextNumber();
      const other = await chamber.dial({ how: byteByByte });
      await other.sayByteByByte(carrier.emulation(peer.ear.node, peer.ear.session, carrier.speech.publish(3, channel, { n })));
      await other.untilAnswered(204);
      await other.untilEnded();
      await healthy.hears(n);
      await peer.until('its reply and its publication', (ear) => ear.answered.has(3) && ear.heard.includes(n));
      codes = { 0: 1, 1006: 1 };
    }
    if (carrier.framed) {
      await peer.sayByteByByte(frame(bits.fin | bits.close, Buffer.from([3, 232])));
      await peer.untilEnded();
      assert.equal(peer.ear.code, 1000);
      codes = { 1000: 1 };
    } else {
      await peer.leave();
    }
    assertInOrder(peer.ear.heard);
    return codes;
  }],
  ['cut in two at every place of request and frames', () => true, async (chamber) => {
    const opening = openingOf(chamber.carrier);
    const peers = await cutEverywhere(chamber, () => opening, opening.length, (each) => each.untilSubscribed());
    const n = await chamber.healthy.publish();
    await Promise.all(peers.map((each) => each.untilHeard(n)));
    for (const each of peers) assert.deepEqual(each.ear.heard, [n]);
    await Promise.all(peers.map((each) => each.leave()));
    return { 1006: peers.length };
  }],
  ['cut in two at every place of what is said later', ({ emulated, encrypted }) => emulated && !encrypted, async (chamber) => {
    const { carrier } = chamber;
    const peer = await chamber.subscriber();
    const { node, session } = peer.ear;
    const asking = (cut) => carrier.emulation(node, session, carrier.speech.unsubscribe(1_000 + cut, 'nothing'));
    const peers = await cutEverywhere(chamber, asking, asking(1).length, (each) => each.untilAnswered(204));
    await Promise.all(peers.map((each) => each.untilEnded()));
    await peer.until('all replies', (ear) => peers.every((_, i) => ear.answered.has(1_001 + i)));
    await peer.leave();
    return { 0: peers.length, 1006: 1 };
  }],
  ['its ClientHello cut in two at every place', ({ encrypted, framed }) => encrypted && framed, async (chamber) => {
    let hello = Infinity, letGo;
    const go = new Promise((resolve) => { letGo = resolve; });
    const peers = [];
    for (let cut = 1; cut < hello; ++cut) peers.push(await chamber.dial({ how: helloCut(cut, go, (bytes) => { hello = bytes; }) }));
    await until(async () => await chamber.grown('carillon_tls_handshakes_in_flight') === peers.length, 'all are at it');
    await chamber.healthy.publish();
    letGo();
    const opening = openingOf(chamber.carrier);
    for (const each of peers) each.say(opening);
    await Promise.all(peers.map((each) => each.untilSubscribed()));
    await Promise.all(peers.map((each) => each.leave()));
    return { 1006: peers.length };
  }],
];

// --- slow

const noise = randomBytes(45_000).toString('base64'); // which compression does not make small
const publishedAtOnce = 10; // between two looks at the metrics; less than an outbox holds

/** Publishes to who reads nothing, until `metric` says that so many are slow. */
async function overfill(chamber, peers, metric, ...labels) {
  for (const each of peers) each.below.pause();
  while (await chamber.grown(metric, ...labels) < peers.length)
    for (let i = 0; i < publishedAtOnce; ++i) await chamber.healthy.publish({ noise });
}
const untilSlow = (chamber, ...peers) => overfill(chamber, peers, 'carillon_slow_consumers_total', 'kind="websocket"');
const untilQueued = (chamber, peer) => overfill(chamber, [peer], 'carillon_outboxes');

const slow = [
  ['reads nothing for a while, and then all of it', 'patient', async (chamber) => {
    const peer = await chamber.subscriber();
    await untilQueued(chamber, peer);
    const last = await chamber.healthy.publish();
    peer.below.resume();
    await peer.untilHeard(last);
    assertInOrder(peer.ear.heard);
    assert.equal(await chamber.grown('carillon_outboxes'), 0);
    await peer.leave();
    return abnormal;
  }],
  ['reads nothing until it is reset', 'patient', async (chamber) => {
    const peer = await chamber.subscriber();
    await untilQueued(chamber, peer);
    peer.reset();
    return abnormal;
  }],
  ['reads nothing for too long: 3008 behind what was whole; or is reset before that', 'patient', async (chamber) => {
    const peer = await chamber.subscriber(), other = await chamber.subscriber();
    await untilSlow(chamber, peer, other);
    const last = await chamber.healthy.publish();
    other.reset();
    peer.below.resume();
    await peer.untilEnded();
    assert.equal(peer.ear.code, 3008);
    assertInOrder(peer.ear.heard);
    assert.ok(!peer.ear.heard.includes(last));
    assert.equal(await chamber.grown('carillon_slow_consumers_total', 'kind="websocket"'), 2);
    return { 3008: 2 };
  }],
  ['reads nothing any more: gone all the same', 'impatient', async (chamber) => {
    await untilSlow(chamber, await chamber.subscriber());
    return { 3008: 1 };
  }],
];

// --- half-closed and reset

/** What was said when it happens. Resolves with the connection it happens to, and what becomes of that. */
const moments = [
  ['in the middle of the TLS handshake', ({ encrypted }) => encrypted, async (chamber) => {
    const peer = await chamber.dial({ how: async (below, hello) => { below.write(part(hello, 0.5)); } });
    await until(async () => await chamber.grown('carillon_tls_handshakes_in_flight') === 1, 'it has begun');
    return { peer, codes: noConversation };
  }],
  ['in the middle of the head', () => true, async (chamber) => {
    const peer = await chamber.dial();
    await peer.say(part(chamber.carrier.hello(channel, token), 0.4));
    return { peer, codes: noConversation, isPart: true };
  }],
  ['in the middle of the first frame', ({ framed }) => framed, async (chamber) => {
    const { carrier } = chamber, peer = await chamber.dial();
    await peer.say(joined(carrier.hello(), part(carrier.greeting(channel, token), 0.5)));
    return { peer, codes: abnormal, isPart: true, status: 101 };
  }],
  ['in the middle of the body', ({ posts }) => posts, async (chamber) => {
    const peer = await chamber.dial();
    await peer.say(chamber.carrier.hello(channel, token).subarray(0, -3));
    return { peer, codes: noConversation, isPart: true };
  }],
  ['right after the request', () => true, async (chamber) => {
    const { carrier } = chamber, peer = await chamber.dial();
    await peer.say(openingOf(carrier));
    return { peer, codes: abnormal, status: carrier.framed ? 101 : 200 };
  }],
  ['while it is subscribed', () => true, async (chamber) => {
    const peer = await chamber.subscriber();
    return { peer, codes: abnormal, status: peer.ear.status };
  }],
  ['in the middle of a later frame', ({ framed, onlyListens }) => framed && !onlyListens, async (chamber) => {
    const { carrier } = chamber, peer = await chamber.subscriber();
    await peer.say(part(carrier.sayInFragments(carrier.speech.publish(3, channel, { n: 0 })), 0.8));
    return { peer, codes: abnormal, isPart: true, status: 101 };
  }],
  ['in the middle of a request to /emulation', ({ emulated }) => emulated, async (chamber) => {
    const { carrier } = chamber, owner = await chamber.subscriber(), peer = await chamber.dial();
    await peer.say(carrier.emulation(owner.ear.node, owner.ear.session, carrier.speech.publish(3, channel, { n: 0 })).subarray(0, -3));
    return { peer, owner, codes: { 0: 1, 1006: 1 }, isPart: true };
  }],
  ['right after a request to /emulation', ({ emulated }) => emulated, async (chamber) => {
    const { carrier } = chamber, owner = await chamber.subscriber(), peer = await chamber.dial();
    await peer.say(carrier.emulation(owner.ear.node, owner.ear.session, carrier.speech.unsubscribe(3, 'nothing')));
    return { peer, owner, codes: { 0: 1, 1006: 1 }, status: 204, id: 3 };
  }],
];

const ends = [
  ['half-closed', () => true, (peer) => peer.end()],
  ['half-closed below its TLS', ({ encrypted }) => encrypted, (peer) => peer.below.end()],
  ['reset', () => true, (peer) => peer.reset()],
];

const unread = ['reset with its request, before anybody has read that', async (chamber) => {
  const peer = await chamber.dial();
  await peer.say(openingOf(chamber.carrier));
  peer.reset();
  await peer.untilEnded(); // with 0 or 1006
}];

async function endAt(chamber, moment, end, isReset) {
  const { peer, owner, codes, isPart, status = 0, id } = await moment(chamber);
  if (isReset || isPart) await chamber.allRead(); // a reset would take with it what has not been read
  if (isPart) assert.ok(await chamber.grown('carillon_partial_bytes') > 0);
  end(peer);
  await peer.untilEnded();
  if (!isReset) assert.equal(peer.ear.status, status);
  if (owner) {
    if (id) await owner.until('the reply', (ear) => ear.answered.has(id));
    await owner.untilHeard(await chamber.healthy.publish());
    await owner.leave();
    assertInOrder(owner.ear.heard);
  }
  return codes;
}

// --- what is left

const gone = ['nothing is compressed any more when it has gone', async (chamber) => {
  const deflated = () => chamber.grown('carillon_messages_deflated_total');
  await (await chamber.subscriber()).leave();
  await until(async () => await chamber.grown('carillon_connections_open') === 0, 'it has gone');
  const before = await deflated();
  await chamber.healthy.publish();
  assert.equal(await deflated(), before);
  return abnormal;
}];

describe('torture', suite, () => {
  const gateways = [], beside = {};
  before(async () => {
    const certificates = new Certificates(folder);
    certificates.authority('gateway');
    const encrypted = ['--tls-certificate-files', certificates.path('gateway.pem'), '--tls-key-files', certificates.path('gateway.key')];
    for (const [how, closeTimeoutMs] of [['patient', 20_000], ['impatient', 50]]) {
      for (const isEncrypted of [false, true]) {
        const flags = ['--shards', '2', '--config', configuration, '--client-close-timeout-ms', String(closeTimeoutMs)];
        const gateway = await startGateway({ dev: false, flags: [...flags, ...(isEncrypted ? encrypted : [])] });
        gateways.push(gateway);
        const healthy = new Healthy(gateway, isEncrypted);
        await healthy.begin();
        beside[how + isEncrypted] = healthy;
      }
    }
  });
  after(async () => {
    for (const each of Object.values(beside)) each.end();
    await Promise.all(gateways.map((each) => each.stop()));
  });

  for (const carrier of carriers) {
    const row = (name, run, how = 'patient', more = {}) => test(`${carrier.name}: ${name}`, { ...limit, ...more }, async (t) => {
      const chamber = await Chamber.open(t, carrier, beside[how + Boolean(carrier.encrypted)]);
      await chamber.settle(await run(chamber));
    });
    for (const [name, applies, run] of tears) if (applies(carrier)) row(name, run);
    for (const [name, how, run] of slow) row(name, run, how);
    for (const [name, applies, moment] of moments) {
      if (!applies(carrier)) continue;
      for (const [how, possible, end] of ends)
        if (possible(carrier)) row(`${how} ${name}`, (chamber) => endAt(chamber, moment, end, how === 'reset'));
    }
    row(...unread);
    for (const [name, run] of rubbishFor(carrier)) row(name, run);
    if (carrier.deflates) row(...gone, 'patient');
  }
});
