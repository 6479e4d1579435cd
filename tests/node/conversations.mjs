// What is said with gateways, and what they answer, wherever the bus is. Each conversation is given two gateways, `here` and
// `there` (with the bus inside they are the same one), and says what everybody has heard; it makes its own channels.
import assert from 'node:assert/strict';
import { Centrifuge } from 'centrifuge';
import jwt from 'jsonwebtoken';
import WebSocket from 'ws';
import { keepEvents } from './gateway.mjs';
import { until } from './redis_server.mjs';

const readyLimitMs = 10_000;
const secret = 'a secret of these tests, of 32 bytes and more';
export const apiKey = 'open-sesame';

const withoutStreams = `
api_key = "${apiKey}"
token_hmac_secret = "${secret}"
shards = 2
bus_backoff_min_ms = 10
bus_backoff_max_ms = 50
bus_cluster_pause_ms = 50
[[namespace]]
subscribe = ["client"]
publish = ["client"]
[[namespace]]
name = "wild"
subscribe = ["client"]
publish = ["client"]
wildcard = true
`;
const streams = `
[[namespace]]
name = "kept"
subscribe = ["client"]
publish = ["client"]
history = ["subscriber"]
history_size = 4
recovery = "stream"
[[namespace]]
name = "price"
subscribe = ["client"]
history_size = 1
recovery = "cache"
[[namespace]]
name = "room"
subscribe = ["client"]
presence = true
presence_for = ["subscriber"]
join_leave = true
`;
/** What gateways are given; `keeps`: whether the bus can keep streams and who is there. */
export const configurationOf = (keeps) => withoutStreams + (keeps ? streams : '');

let made = 0;
const fresh = (name) => `${name}-${process.pid}-${++made}`;

/** A client of the SDK, connected, whose connection can be cut. */
async function person(t, where, user, options = {}) {
  let socket;
  class CutSocket extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
    }
  }
  const its = new Centrifuge(where.socketUrl, { websocket: CutSocket, minReconnectDelay: 5, maxReconnectDelay: 50,
    token: jwt.sign({ sub: user, info: { name: user } }, secret), ...options });
  t.after(() => its.disconnect());
  const welcome = new Promise((resolve) => its.once('connected', resolve));
  its.connect();
  await its.ready(readyLimitMs);
  return { made: its, user, client: (await welcome).client, cut: () => socket.terminate() };
}

/** A subscription of theirs, confirmed. */
async function listens(who, channel, options = {}) {
  const subscription = who.made.newSubscription(channel, { minResubscribeDelay: 5, maxResubscribeDelay: 50, ...options });
  const [heard, told, gone] = ['publication', 'subscribed', 'unsubscribed'].map((name) => keepEvents(subscription, name));
  const [joins, leaves] = ['join', 'leave'].map((name) => keepEvents(subscription, name));
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  const first = await told.next();
  const hears = async (count) => (await heard.take(count)).map(({ data }) => data);
  return { subscription, heard, told, gone, joins, leaves, first, hears };
}

/** The code of what a promise is refused with. */
const refused = (promise) => promise.then(() => 'not refused', ({ code }) => code);

async function publish(where, channel, data, more = {}) {
  const answer = await where.api('publish', { channel, data, ...more }, apiKey);
  assert.ok(answer.result, JSON.stringify(answer));
  return answer.result;
}

/** Publishes, again and again while the bus is away; the key makes that once. */
const insist = (where, channel, data) => until(async () => {
  const answer = await where.api('publish', { channel, data, idempotency_key: `${data}` }, apiKey);
  return answer.result;
}, `${data} is published`);

/** Each: its name, what is said, and what is answered. */
export const conversations = [
  ['who comes is let in by the token alone', async ({ t, there }) => {
    const ann = await person(t, there, 'ann');
    const stranger = new Centrifuge(there.socketUrl, { websocket: WebSocket, token: jwt.sign({ sub: 'ann' }, 'another secret of 32 bytes and more') });
    const gone = new Promise((resolve) => stranger.once('disconnected', resolve));
    stranger.connect();
    return { ann: ann.made.state, stranger: (await gone).code };
  }, { ann: 'connected', stranger: 3500 }],

  ['what clients publish is heard everywhere', async ({ t, here, there }) => {
    const channel = fresh('talk');
    const all = [await listens(await person(t, here, 'ann'), channel), await listens(await person(t, there, 'ben'), channel)];
    for (const [n, data] of [{ n: 1 }, 'two', [3]].entries()) {
      await all[n % 2].subscription.publish(data);
      for (const each of all) await until(() => each.heard.unread > n, 'it is heard');
    }
    return Promise.all(all.map((each) => each.hears(3)));
  }, [[{ n: 1 }, 'two', [3]], [{ n: 1 }, 'two', [3]]]],

  ['who a publication is from is told where publications are kept', async ({ t, here, there }) => {
    const channel = fresh('kept:');
    const [ann, ben] = [await person(t, here, 'ann'), await person(t, there, 'ben')];
    const all = [await listens(ann, channel), await listens(ben, channel)];
    await all[0].subscription.publish('hello');
    const heard = await Promise.all(all.map((each) => each.heard.next()));
    return heard.map(({ data, offset, info }) => [data, offset, info.user, info.client === ann.client, info.connInfo]);
  }, [['hello', 1, 'ann', true, { name: 'ann' }], ['hello', 1, 'ann', true, { name: 'ann' }]]],

  ['what back ends publish by the server API is heard everywhere', async ({ t, here, there }) => {
    const [one, two] = [fresh('api'), fresh('api')];
    const [ann, ben] = [await person(t, here, 'ann'), await person(t, there, 'ben')];
    const all = [await listens(ann, one), await listens(ben, one), await listens(ben, two)];
    const answers = [
      await here.api('publish', { channel: one, data: { n: 1 } }, apiKey),
      await here.api('publish', { channel: one, b64data: Buffer.from('text').toString('base64') }, apiKey),
      await there.api('broadcast', { channels: [one, two], data: 2 }, apiKey),
      await here.api('publish', { channel: '', data: 1 }, apiKey),
    ];
    return { answers: answers.map((each) => each.error?.code ?? each.result), heard: [await all[0].hears(3), await all[1].hears(3), await all[2].hears(1)] };
  }, { answers: [{}, {}, { responses: [{ result: {} }, { result: {} }] }, 107], heard: [[{ n: 1 }, 'text', 2], [{ n: 1 }, 'text', 2], [2]] }],

  ['what programs publish at the bus is heard everywhere, as JSON or as text', async ({ t, here, there, bus }) => {
    const channel = fresh('bare');
    const all = [await listens(await person(t, here, 'ann'), channel), await listens(await person(t, there, 'ben'), channel)];
    await bus.publish(channel, '{"n":1}');
    await bus.publish(channel, 'no JSON');
    return Promise.all(all.map((each) => each.hears(2)));
  }, [[{ n: 1 }, 'no JSON'], [{ n: 1 }, 'no JSON']]],

  ['channels that have their homes all over the bus are all heard', async ({ t, here, there, bus }) => {
    const names = Array.from({ length: 24 }, () => fresh('many'));
    const ben = await person(t, there, 'ben');
    const all = [];
    for (const name of names) all.push(await listens(ben, name));
    const { result } = await here.api('broadcast', { channels: names, data: 'api' }, apiKey);
    for (const name of names) await bus.publish(name, '"bare"');
    const heard = await Promise.all(all.map((each) => each.hears(2)));
    return { answered: result.responses.length, heard: [...new Set(heard.map(String))] };
  }, { answered: 24, heard: ['api,bare'] }],

  ['who may not is told why', async ({ t, there }) => {
    const ben = await person(t, there, 'ben');
    const its = ben.made.newSubscription('no:such');
    const gone = keepEvents(its, 'unsubscribed');
    its.subscribe();
    const quiet = await listens(ben, fresh('quiet'));
    return {
      unknown: (await gone.next()).code,
      history: await refused(quiet.subscription.history({ limit: 1 })),
      presence: await refused(quiet.subscription.presence()),
      nodes: await refused(ben.made.publish('carillon.control', {})),
    };
  }, { unknown: 102, history: 108, presence: 108, nodes: ({ bus }) => (bus.url ? 103 : 'not refused') }],

  ['what is kept can be asked for, in pages, here and there', async ({ t, here, there }) => {
    const channel = fresh('kept:');
    const ben = await listens(await person(t, there, 'ben'), channel);
    for (const n of [1, 2, 3, 4, 5]) await publish(n % 2 ? here : there, channel, n, { tags: { n: `${n}` } });
    const newest = await ben.subscription.history({ limit: 2, reverse: true });
    const { epoch } = newest;
    const rest = await ben.subscription.history({ limit: 5, reverse: true, since: { offset: 4, epoch } });
    const page = await here.api('history', { channel, limit: 1, since: { offset: 2, epoch } }, apiKey);
    const other = await refused(ben.subscription.history({ limit: 5, since: { offset: 2, epoch: 'x' } }));
    const removed = await here.api('history_remove', { channel }, apiKey);
    const after = await there.api('history', { channel, limit: -1 }, apiKey);
    return {
      newest: newest.publications.map(({ data, offset, tags }) => [data, offset, tags]),
      rest: rest.publications.map(({ data }) => data),
      page: [page.result.publications, page.result.offset, page.result.epoch === epoch],
      other,
      removed,
      after: [after.result.publications, after.result.offset, after.result.epoch === epoch],
      heard: await ben.hears(5),
    };
  }, {
    newest: [[5, 5, { n: '5' }], [4, 4, { n: '4' }]], rest: [3, 2], page: [[{ data: 3, offset: 3, tags: { n: '3' } }], 5, true],
    other: 112, removed: { result: {} }, after: [[], 5, true], heard: [1, 2, 3, 4, 5],
  }],

  ['a key publishes once, wherever it is asked, and an old version not at all', async ({ t, here, there }) => {
    const channel = fresh('kept:');
    const ben = await listens(await person(t, there, 'ben'), channel);
    const first = await publish(here, channel, 'once', { idempotency_key: 'k' });
    const again = await publish(there, channel, 'twice', { idempotency_key: 'k' });
    await publish(here, channel, 'new', { version: 2 });
    await publish(there, channel, 'old', { version: 1 });
    const last = await publish(here, channel, 'last');
    return { offsets: [first.offset, again.offset, last.offset], heard: await ben.hears(3) };
  }, { offsets: [1, 1, 3], heard: ['once', 'new', 'last'] }],

  ['who was away hears what he has missed', async ({ t, here, there }) => {
    const channel = fresh('kept:');
    const ben = await person(t, there, 'ben');
    const its = await listens(ben, channel);
    await publish(here, channel, 1);
    const before = await its.hears(1);
    ben.made.disconnect();
    for (const n of [2, 3]) await publish(here, channel, n);
    ben.made.connect();
    const back = await its.told.next();
    const after = await its.hears(2);
    await publish(there, channel, 4);
    return { recoverable: its.first.recoverable, before, back: [back.wasRecovering, back.recovered], after, then: await its.hears(1) };
  }, { recoverable: true, before: [1], back: [true, true], after: [2, 3], then: [4] }],

  ['whose connection is cut goes to another gateway and hears what he has missed', async ({ t, here, there }) => {
    const channel = fresh('kept:');
    let where = there;
    class BalancedSocket extends WebSocket {
      constructor(url, ...more) { super(where.socketUrl, ...more); }
    }
    const ben = await person(t, there, 'ben', { websocket: BalancedSocket });
    const its = await listens(ben, channel);
    await publish(here, channel, 1);
    where = here;
    assert.deepEqual(await there.api('disconnect', { user: 'ben', client: ben.client, disconnect: { code: 3000, reason: 'go elsewhere' } }, apiKey), { result: {} });
    for (const n of [2, 3]) await publish(there, channel, n);
    const back = await its.told.next();
    return { back: [back.wasRecovering, back.recovered], heard: await its.hears(3) };
  }, { back: [true, true], heard: [1, 2, 3] }],

  ['who has missed more than is kept is told', async ({ t, here, there }) => {
    const channel = fresh('kept:');
    const ben = await person(t, there, 'ben');
    const its = await listens(ben, channel);
    ben.made.disconnect();
    for (const n of [1, 2, 3, 4, 5, 6]) await publish(here, channel, n);
    ben.made.connect();
    const back = await its.told.next();
    return [back.wasRecovering, back.recovered, back.streamPosition.offset];
  }, [true, false, 6]],

  ['a cache gives the newest at once', async ({ t, here, there }) => {
    const channel = fresh('price:');
    for (const n of [1, 2]) await publish(here, channel, n);
    const ben = await listens(await person(t, there, 'ben'), channel, { since: {} });
    const first = await ben.hears(1);
    await publish(here, channel, 3);
    return [...first, ...await ben.hears(1)];
  }, [2, 3]],

  ['who comes and goes is told, and who is there can be asked', async ({ t, here, there }) => {
    const channel = fresh('room:');
    const ann = await person(t, here, 'ann');
    const its = await listens(ann, channel, { joinLeave: true });
    const itself = (await its.joins.next()).info.user;
    const ben = await person(t, there, 'ben');
    await listens(ben, channel);
    await listens(await person(t, there, 'ben'), channel);
    const came = [(await its.joins.next()).info, (await its.joins.next()).info];
    await until(async () => (await its.subscription.presenceStats()).numClients === 3, 'three are there');
    const { clients } = await its.subscription.presence();
    const asked = await there.api('presence_stats', { channel }, apiKey);
    const listed = await there.api('presence', { channel }, apiKey);
    ben.made.disconnect();
    const left = (await its.leaves.next()).info;
    await until(async () => (await here.api('presence_stats', { channel }, apiKey)).result.num_clients === 2, 'two are there');
    return {
      itself,
      came: [came.map(({ user }) => user), came[0].client === ben.client, came[0].connInfo],
      there: [Object.keys(clients).length, clients[ben.client].user],
      asked,
      listed: listed.result.presence[ann.client],
      left: [left.user, left.client === ben.client],
      nobody: await here.api('presence', { channel: fresh('room:') }, apiKey),
    };
  }, {
    itself: 'ann', came: [['ben', 'ben'], true, { name: 'ben' }], there: [3, 'ben'],
    asked: { result: { num_clients: 3, num_users: 2 } }, listed: ({ said }) => ({ user: 'ann', client: said.listed.client, conn_info: { name: 'ann' } }),
    left: ['ben', true], nobody: { result: { presence: {} } },
  }],

  ['a wildcard hears its channels, whoever publishes', async ({ t, here, there, bus }) => {
    const its = await listens(await person(t, there, 'ben'), 'wild:*');
    const ann = await person(t, here, 'ann');
    const heard = [];
    for (const [name, data] of [['a', 'api'], ['b', 'client'], ['c', 'bare'], ['d', 'api'], ['e', 'bare'], ['f', 'client']]) {
      const channel = `wild:${name}`;
      if (data === 'api') await publish(here, channel, data);
      if (data === 'client') await ann.made.publish(channel, data);
      if (data === 'bare') await bus.publish(channel, `"${data}"`);
      const { tags, data: got } = await its.heard.next();
      heard.push([tags.channel, got]);
    }
    its.subscription.unsubscribe();
    return heard;
  }, [['wild:a', 'api'], ['wild:b', 'client'], ['wild:c', 'bare'], ['wild:d', 'api'], ['wild:e', 'bare'], ['wild:f', 'client']]],

  ['orders of back ends reach users wherever they are', async ({ t, here, there }) => {
    const [channel, user] = [fresh('orders'), fresh('user')];
    const ben = await person(t, there, user);
    const [come, left, gone] = ['subscribed', 'unsubscribed', 'disconnected'].map((name) => keepEvents(ben.made, name));
    const own = await listens(ben, fresh('own'));
    const answers = [await here.api('subscribe', { user, channel }, apiKey)];
    const came = (await come.next()).channel === channel;
    answers.push(await here.api('unsubscribe', { user, channel }, apiKey));
    const went = (await left.next()).channel === channel;
    answers.push(await here.api('unsubscribe', { user, channel: own.subscription.channel }, apiKey));
    const { code } = await own.gone.next();
    answers.push(await here.api('refresh', { user, expire_at: 4_000_000_000 }, apiKey));
    answers.push(await here.api('disconnect', { user, disconnect: { code: 4501, reason: 'enough' } }, apiKey));
    const end = await gone.next();
    return { answers: answers.map(({ result }) => result), came, went, code, end: [end.code, end.reason] };
  }, { answers: [{}, {}, {}, {}, {}], came: true, went: true, code: 2000, end: [4501, 'enough'] }],

  ['what back ends ask is told of all gateways', async ({ t, here, there }) => {
    const [channel, user] = [fresh('asked'), fresh('user')];
    for (const where of [here, there]) await listens(await person(t, where, user), channel);
    const { result: channels } = await here.api('channels', { pattern: channel }, apiKey);
    const connections = [];
    for (let next = {}; next;) {
      const { result } = await there.api('connections', { user, ...next }, apiKey);
      connections.push(...result.connections);
      next = result.next && { cursor: result.next };
    }
    const { result: info } = await here.api('info', {}, apiKey);
    return {
      channels: channels.channels[channel],
      connections: connections.map((each) => [each.user === user, each.transport, each.channels.includes(channel)]),
      nodes: new Set(info.nodes.map(({ uid }) => uid)).size,
    };
  }, { channels: { num_clients: 2 }, connections: [[true, 'websocket', true], [true, 'websocket', true]], nodes: ({ here, there }) => (here === there ? 1 : 2) }],

  ['what a client says by requests reaches its gateway from any other', async ({ t, here, there }) => {
    const channel = fresh('emulated');
    const its = new Centrifuge([{ transport: 'http_stream', endpoint: `${there.url}/connection/http_stream` }],
      { emulationEndpoint: `${here.url}/emulation`, token: jwt.sign({ sub: 'ann' }, secret), fetch, readableStream: ReadableStream });
    t.after(() => its.disconnect());
    its.connect();
    await its.ready(readyLimitMs);
    const ann = await listens({ made: its }, channel);
    await ann.subscription.publish({ n: 1 });
    return ann.hears(1);
  }, [{ n: 1 }]],

  ['when the connections to the bus are cut, clients need not know', async ({ t, here, there, bus }) => {
    const channels = Array.from({ length: 6 }, () => fresh('kept:'));
    const all = [];
    for (const where of [here, there]) {
      const who = await person(t, where, 'ann');
      for (const channel of channels) all.push(await listens(who, channel));
    }
    for (const channel of channels) await insist(here, channel, 1);
    await bus.cut();
    for (const channel of channels) for (const n of [2, 3]) await insist(n % 2 ? here : there, channel, n);
    const heard = await Promise.all(all.map((each) => each.hears(3)));
    return { heard: [...new Set(heard.map(String))], told: all.filter((each) => each.told.unread > 0).length };
  }, { heard: ['1,2,3'], told: 0 }],

  ['when the connections to the bus are cut, it goes on', async ({ t, here, there, bus }) => {
    const channel = fresh('plain');
    const ben = await listens(await person(t, there, 'ben'), channel);
    await publish(here, channel, 1);
    await bus.cut();
    await until(async () => {
      const { result } = await here.api('publish', { channel, data: 'again' }, apiKey);
      return result && ben.heard.unread > 1;
    }, 'it is heard again');
    return (await ben.hears(2))[1];
  }, 'again'],
];
