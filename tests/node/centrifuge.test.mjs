// The unmodified Centrifuge SDK against the gateway; where the SDK hides what matters, a plain WebSocket.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Centrifuge, SubscriptionState, State } from 'centrifuge';
import { createClient } from 'redis';
import WebSocket from 'ws';
import { freshChannel, keepEvents, startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 20_000 };
const readyLimitMs = 10_000;
const channelsMax = 128;

/** The SDK's WebSocket, with its frames on record. */
class RecordedSocket extends WebSocket {
  static opened = [];
  sent = [];
  received = [];

  constructor(...args) {
    super(...args);
    RecordedSocket.opened.push(this);
    this.on('message', (data) => {
      this.received.push(String(data));
      this.emit('recorded', String(data));
    });
  }

  send(data, ...rest) {
    this.sent.push(String(data));
    super.send(data, ...rest);
  }
}

/** A connected SDK client and the socket that it opened; disconnected when the test ends. */
async function connect(t, gateway) {
  const client = new Centrifuge(gateway.socketUrl, {
    websocket: RecordedSocket,
    minReconnectDelay: 20,
    maxReconnectDelay: 200,
  });
  t.after(() => client.disconnect());
  client.connect();
  await client.ready(readyLimitMs);
  return { client, socket: RecordedSocket.opened.at(-1) };
}

/** A subscription in force and what it hears. */
async function subscribe(client, channel) {
  const subscription = client.newSubscription(channel);
  const publications = keepEvents(subscription, 'publication');
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  return { subscription, publications };
}

/** A plain WebSocket, open. */
async function openSocket(t, gateway) {
  const socket = new WebSocket(gateway.socketUrl);
  t.after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const nextData = async (publications) => (await publications.next()).data;

describe('publish and subscribe', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway(); });
  after(() => gateway?.stop());

  test('a mail published by redis-cli arrives', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(client, channel);
    assert.equal(await gateway.redisCli('PUBLISH', channel, '{"from":"bob","subject":"hi"}'), '1');
    assert.deepEqual(await nextData(publications), { from: 'bob', subject: 'hi' });
  });

  test('a mail published by the npm redis client arrives', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(client, channel);
    const publisher = createClient({ socket: { host: '127.0.0.1', port: gateway.ports.bus }, RESP: 2, disableClientInfo: true });
    publisher.on('error', () => {});
    t.after(() => publisher.destroy());
    await publisher.connect();
    assert.equal(await publisher.publish(channel, '{"from":"redis"}'), 1);
    assert.deepEqual(await nextData(publications), { from: 'redis' });
  });

  test('a client hears what it published itself', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const { subscription, publications } = await subscribe(client, freshChannel());
    await subscription.publish({ from: 'me', list: [1, 'two', null] });
    assert.deepEqual(await nextData(publications), { from: 'me', list: [1, 'two', null] });
  });

  test('a client publishes to a channel that it did not subscribe', limit, async (t) => {
    const { client: sender } = await connect(t, gateway);
    const { client: receiver } = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(receiver, channel);
    await sender.publish(channel, { subject: 'across' });
    assert.deepEqual(await nextData(publications), { subject: 'across' });
  });

  test('two subscribers hear the same mails in the same order', limit, async (t) => {
    const channel = freshChannel();
    const listeners = [];
    for (let index = 0; index < 2; ++index) {
      const { client } = await connect(t, gateway);
      listeners.push((await subscribe(client, channel)).publications);
    }
    for (const number of [1, 2, 3]) {
      assert.equal(await gateway.redisCli('PUBLISH', channel, String(number)), '2');
    }
    for (const publications of listeners) {
      assert.deepEqual((await publications.take(3)).map(({ data }) => data), [1, 2, 3]);
    }
  });

  test('after unsubscribe nothing more is delivered', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const [left, kept] = [freshChannel(), freshChannel()];
    const { subscription, publications } = await subscribe(client, left);
    const { publications: others } = await subscribe(client, kept);
    subscription.unsubscribe();
    // Commands of a connection are answered in order, so this reply says that the gateway has seen the unsubscribe.
    await client.publish(kept, 'unsubscribed');
    assert.equal(await gateway.redisCli('PUBLISH', left, 'lost'), '0');
    assert.equal(await gateway.redisCli('PUBLISH', kept, 'heard'), '1');
    assert.deepEqual((await others.take(2)).map(({ data }) => data), ['unsubscribed', 'heard']);
    assert.equal(publications.unread, 0);
  });

  test('a channel can be subscribed again after unsubscribe', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const channel = freshChannel();
    const { subscription, publications } = await subscribe(client, channel);
    subscription.unsubscribe();
    subscription.subscribe();
    await subscription.ready(readyLimitMs);
    assert.equal(await gateway.redisCli('PUBLISH', channel, 'again'), '1');
    assert.equal(await nextData(publications), 'again');
  });

  const payloads = [
    ['an object', '{"a":1,"b":[true,null]}', { a: 1, b: [true, null] }],
    ['an array', '[1,"two",{"three":3}]', [1, 'two', { three: 3 }]],
    ['a number', '42.5', 42.5],
    ['a JSON string', '"a string"', 'a string'],
    ['true', 'true', true],
    ['null', 'null', null],
    ['text that is no JSON becomes a string', 'words, no JSON', 'words, no JSON'],
    ['broken JSON becomes a string', '{"a":', '{"a":'],
    ['two JSON values are no JSON', '{} {}', '{} {}'],
    ['text with quotes, backslashes and tabs', 'say "hi" \\ twice\t', 'say "hi" \\ twice\t'],
    ['text with line breaks', 'first\nsecond\r\nthird', 'first\nsecond\r\nthird'],
    ['JSON with unicode', '{"subject":"Grüße 🔔 日本"}', { subject: 'Grüße 🔔 日本' }],
    ['text with unicode', 'Grüße 🔔 日本', 'Grüße 🔔 日本'],
    ['pretty-printed JSON', '{\n  "a": 1,\r\n  "b": [\n    2\n  ]\n}\n', { a: 1, b: [2] }],
    ['escaped line breaks inside JSON', '{"text":"one\\ntwo"}', { text: 'one\ntwo' }],
  ];
  for (const [name, payload, expected] of payloads) {
    test(`payload: ${name}`, limit, async (t) => {
      const { client } = await connect(t, gateway);
      const channel = freshChannel();
      const { publications } = await subscribe(client, channel);
      assert.equal(await gateway.redisCli('PUBLISH', channel, payload), '1');
      assert.deepEqual(await nextData(publications), expected);
    });
  }
});

describe('what the gateway does not offer', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway(); });
  after(() => gateway?.stop());

  const requests = [
    ['history', (client, channel) => client.history(channel, { limit: 10 })],
    ['presence', (client, channel) => client.presence(channel)],
    ['presence stats', (client, channel) => client.presenceStats(channel)],
    ['rpc', (client) => client.rpc('no-such-method', {})],
  ];
  for (const [name, request] of requests) {
    test(`${name} is answered with an error and the connection survives`, limit, async (t) => {
      const { client, socket } = await connect(t, gateway);
      const { subscription, publications } = await subscribe(client, freshChannel());
      await assert.rejects(request(client, subscription.channel), { code: 108 });
      await subscription.publish('still here');
      assert.equal(await nextData(publications), 'still here');
      assert.equal(socket.readyState, WebSocket.OPEN);
    });
  }

  test('a subscription that asks for what it missed hears that it does not get it', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const subscription = client.newSubscription(freshChannel(), { since: { offset: 5, epoch: 'gone' } });
    const subscribed = keepEvents(subscription, 'subscribed');
    subscription.subscribe();
    const { wasRecovering, recovered } = await subscribed.next();
    assert.deepEqual({ wasRecovering, recovered }, { wasRecovering: true, recovered: false });
  });

  test('a subscription with a tags filter is refused with error 107', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const refused = client.newSubscription(freshChannel(), { tagsFilter: { key: 'a', cmp: 'eq', val: 'b' } });
    const unsubscribed = keepEvents(refused, 'unsubscribed');
    refused.subscribe();
    assert.equal((await unsubscribed.next()).code, 107);
  });

  test('a publication that nests too deep costs itself and not the connection', limit, async (t) => {
    const { client, socket } = await connect(t, gateway);
    const { subscription, publications } = await subscribe(client, freshChannel());
    const nested = (depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    await assert.rejects(subscription.publish(nested(3_000)), { code: 107 });
    await subscription.publish(nested(500));
    assert.deepEqual(await nextData(publications), nested(500));
    assert.equal(socket.readyState, WebSocket.OPEN);
  });

  test('leaving a channel whose name is too long does not cost the connection', limit, async (t) => {
    const { client, socket } = await connect(t, gateway);
    const refused = client.newSubscription('c'.repeat(256));
    const unsubscribed = keepEvents(refused, 'unsubscribed');
    refused.subscribe();
    refused.unsubscribe();
    await unsubscribed.next();
    const { subscription, publications } = await subscribe(client, freshChannel());
    await subscription.publish('still here');
    assert.equal(await nextData(publications), 'still here');
    assert.equal(socket.readyState, WebSocket.OPEN);
  });

  const openings = [
    ['a message that is no JSON', ['hello']],
    ['an empty message', ['']],
    ['a subscribe before connect', ['{"id":1,"subscribe":{"channel":"mail:demo"}}']],
    ['a second connect', ['{"id":1,"connect":{}}', '{"id":2,"connect":{}}']],
    ['a pong that nobody asked for', ['{"id":1,"connect":{}}', '{}']],
  ];
  for (const [name, messages] of openings) {
    test(`${name} closes with 3501`, limit, async (t) => {
      const socket = await openSocket(t, gateway);
      for (const message of messages) socket.send(message);
      const [code] = await once(socket, 'close');
      assert.equal(code, 3501);
    });
  }
});

describe('many channels', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway(); });
  after(() => gateway?.stop());

  /** Subscribes `count` channels with one batch of commands; resolves when all of them are in force. */
  async function subscribeMany(client, count) {
    const subscriptions = Array.from({ length: count }, () => client.newSubscription(freshChannel()));
    client.startBatching();
    for (const subscription of subscriptions) subscription.subscribe();
    client.stopBatching();
    await Promise.all(subscriptions.map((subscription) => subscription.ready(readyLimitMs)));
    return subscriptions;
  }

  test('a hundred channels subscribed in one message all deliver', limit, async (t) => {
    const { client, socket } = await connect(t, gateway);
    const subscriptions = await subscribeMany(client, 100);
    const commandsMax = Math.max(...socket.sent.map((frame) => frame.split('\n').length));
    assert.equal(commandsMax, 100, 'the SDK sent the batch as one message');

    const heard = subscriptions.map((subscription) => keepEvents(subscription, 'publication'));
    const publisher = createClient({ socket: { host: '127.0.0.1', port: gateway.ports.bus }, RESP: 2, disableClientInfo: true });
    publisher.on('error', () => {});
    t.after(() => publisher.destroy());
    await publisher.connect();
    const receivers = await Promise.all(subscriptions.map(({ channel }) => publisher.publish(channel, channel)));
    assert.deepEqual(receivers, subscriptions.map(() => 1));
    for (const [index, publications] of heard.entries()) {
      assert.equal(await nextData(publications), subscriptions[index].channel);
    }
  });

  test('the channel after the limit is refused with error 106 and the others stay', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const subscriptions = await subscribeMany(client, channelsMax);
    const refused = client.newSubscription(freshChannel());
    const unsubscribed = keepEvents(refused, 'unsubscribed');
    refused.subscribe();
    assert.equal((await unsubscribed.next()).code, 106);
    assert.ok(subscriptions.every(({ state }) => state === SubscriptionState.Subscribed));

    const last = subscriptions.at(-1);
    const publications = keepEvents(last, 'publication');
    assert.equal(await gateway.redisCli('PUBLISH', last.channel, 'the last one'), '1');
    assert.equal(await nextData(publications), 'the last one');
  });

  test('an unsubscribe makes room under the limit', limit, async (t) => {
    const { client } = await connect(t, gateway);
    const [first] = await subscribeMany(client, channelsMax);
    first.unsubscribe();
    const { publications } = await subscribe(client, freshChannel());
    assert.equal(publications.unread, 0);
  });
});

describe('ping and pong', suite, () => {
  let gateway;
  before(async () => {
    gateway = await startGateway({ flags: ['--client-ping-interval-ms', '300', '--client-pong-timeout-ms', '200'] });
  });
  after(() => gateway?.stop());

  test('a client that answers pings stays connected', limit, async (t) => {
    const { client, socket } = await connect(t, gateway);
    const frames = keepEvents(socket, 'recorded');
    for (let pings = 0; pings < 4;) {
      if ((await frames.next()) === '{}') pings += 1;
    }
    // The fourth ping was only sent because the pongs to those before it had arrived in time.
    assert.ok(socket.sent.filter((frame) => frame === '{}').length >= 3);
    assert.equal(client.state, State.Connected);
    assert.equal(socket.readyState, WebSocket.OPEN);
  });

  test('a client that does not answer is closed with 3012', limit, async (t) => {
    const socket = await openSocket(t, gateway);
    socket.send('{"id":1,"connect":{}}');
    const [code, reason] = await once(socket, 'close');
    assert.deepEqual([code, String(reason)], [3012, 'no pong']);
  });
});

describe('endings', suite, () => {
  test('a stopping gateway closes its clients with 3001', limit, async (t) => {
    const gateway = await startGateway();
    t.after(() => gateway.kill());
    const { client, socket } = await connect(t, gateway);
    const plain = await openSocket(t, gateway);
    const connecting = keepEvents(client, 'connecting');
    const closes = [once(socket, 'close'), once(plain, 'close')];
    plain.send('{"id":1,"connect":{}}');
    await once(plain, 'message');

    await gateway.stop();
    for (const [code, reason] of await Promise.all(closes)) {
      assert.deepEqual([code, String(reason)], [3001, 'shutdown']);
    }
    assert.equal((await connecting.next()).code, 3001);
  });

  test('a client that disconnects gets its Close frame answered and hears nothing more', limit, async (t) => {
    const gateway = await startGateway();
    t.after(() => gateway.stop());
    const { client, socket } = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(client, channel);
    const closed = once(socket, 'close');
    client.disconnect();
    const [code] = await closed;
    assert.notEqual(code, 1006, 'closed without a Close frame');
    // The gateway may answer the Close frame before it forgets the subscriber; the suite's time limit bounds the wait.
    while ((await gateway.redisCli('PUBLISH', channel, 'too late')) !== '0');
    assert.equal(publications.unread, 0);
  });

  test('a client receives again after the gateway came back on the same port', limit, async (t) => {
    const first = await startGateway();
    t.after(() => first.kill());
    const { client } = await connect(t, first);
    const channel = freshChannel();
    const { subscription, publications } = await subscribe(client, channel);
    const lost = once(client, 'connecting');
    const back = once(subscription, 'subscribed');
    await first.stop();
    await lost;

    const second = await startGateway({ ports: first.ports });
    t.after(() => second.stop());
    await back;
    assert.equal(await second.redisCli('PUBLISH', channel, 'welcome back'), '1');
    assert.equal(await nextData(publications), 'welcome back');
  });
});
