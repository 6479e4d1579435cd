// The bus against the clients people publish with: npm redis, ioredis (in RESP2, and as they are by default) and redis-cli.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { freshChannel, keepEvents, startBus, startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 20_000 };
const host = '127.0.0.1';
/** The programs that have a bus door: the same door. */
const programs = { carillon: startGateway, 'carillon-bus': startBus };
const notUtf8 = Buffer.from([0x61, 0xff, 0xfe, 0x62]);

/**
 * One shape for both libraries, so that each case below is written once.
 * `subscribe` resolves, once the bus confirmed it, with what the channel hears as {channel, message}.
 */
const libraries = {
  redis: {
    async connect(port) {
      const client = createClient({ socket: { host, port, reconnectStrategy: false }, RESP: 2, disableClientInfo: true });
      client.on('error', () => {});
      await client.connect();
      return client;
    },
    async subscribe(client, channel) {
      const emitter = new EventEmitter();
      const heard = keepEvents(emitter, 'message');
      await client.subscribe(channel, (message, from) => emitter.emit('message', { channel: from, message }));
      return heard;
    },
    results: (replies) => replies,
    run: (client, script, words) => client.eval(script, { arguments: words }),
    quit: (client) => client.quit(),
    drop: (client) => { if (client.isOpen) client.destroy(); },
  },
  ioredis: {
    async connect(port) {
      const client = new Redis({
        host, port, protocol: 2, disableClientInfo: true, enableReadyCheck: false, lazyConnect: true, retryStrategy: null,
      });
      client.on('error', () => {});
      await client.connect();
      return client;
    },
    async subscribe(client, channel) {
      const emitter = new EventEmitter();
      const heard = keepEvents(emitter, 'message');
      client.on('message', (from, message) => emitter.emit('message', { channel: from, message }));
      assert.equal(await client.subscribe(channel), 1);
      return heard;
    },
    results: (replies) => replies.map(([error, value]) => { if (error) throw error; return value; }),
    run: (client, script, words) => client.eval(script, 0, ...words),
    quit: (client) => client.quit(),
    drop: (client) => client.disconnect(),
  },
};

const pairs = (table) => Object.entries(programs).flatMap(([program, start]) =>
  Object.entries(table).map(([name, entry]) => ({ title: `npm ${name} at ${program}`, name, entry, start })));

for (const { title, entry: library, start } of pairs(libraries)) {
  describe(title, suite, () => {
    let gateway;
    before(async () => { gateway = await start(); });
    after(() => gateway?.stop());

    async function connect(t) {
      const client = await library.connect(gateway.ports.bus);
      t.after(() => library.drop(client));
      return client;
    }

    test('ping', limit, async (t) => {
      const client = await connect(t);
      assert.equal(await client.ping(), 'PONG');
      assert.equal(await client.ping('hello'), 'hello');
    });

    test('publish returns the number of receivers', limit, async (t) => {
      const publisher = await connect(t);
      const channel = freshChannel();
      assert.equal(await publisher.publish(channel, 'nobody'), 0);
      await library.subscribe(await connect(t), channel);
      assert.equal(await publisher.publish(channel, 'one'), 1);
      await library.subscribe(await connect(t), channel);
      assert.equal(await publisher.publish(channel, 'two'), 2);
    });

    test('subscribe hears what another client publishes, in order and unchanged', limit, async (t) => {
      const publisher = await connect(t);
      const channel = freshChannel();
      const heard = await library.subscribe(await connect(t), channel);
      const messages = ['{"a": 1}', 'Grüße 🔔', 'two\r\nlines', '', ' spaces '];
      for (const message of messages) assert.equal(await publisher.publish(channel, message), 1);
      assert.deepEqual(await heard.take(messages.length), messages.map((message) => ({ channel, message })));
    });

    test('many publishes in one pipeline are answered in order', limit, async (t) => {
      const publisher = await connect(t);
      const channel = freshChannel();
      const heard = await library.subscribe(await connect(t), channel);
      const numbers = Array.from({ length: 500 }, (_, index) => String(index));
      const receivers = await Promise.all(numbers.map((number) => publisher.publish(channel, number)));
      assert.deepEqual(receivers, numbers.map(() => 1));
      assert.deepEqual((await heard.take(numbers.length)).map(({ message }) => message), numbers);
    });

    test('a transaction is delivered once, and answered with the numbers of receivers', limit, async (t) => {
      const publisher = await connect(t);
      const channel = freshChannel();
      const heard = await library.subscribe(await connect(t), channel);
      const multi = publisher.multi();
      for (const message of ['one', 'two', 'three']) multi.publish(channel, message);
      assert.deepEqual(library.results(await multi.exec()), [1, 1, 1]);
      assert.deepEqual((await heard.take(3)).map(({ message }) => message), ['one', 'two', 'three']);
      assert.equal(heard.unread, 0);
      await assert.rejects(async () => library.results(await publisher.multi().publish(channel, notUtf8).exec()));
    });

    test("what Laravel's broadcaster sends reaches all channels", limit, async (t) => {
      const publisher = await connect(t);
      const [first, second] = [freshChannel(), freshChannel()];
      const heard = [await library.subscribe(await connect(t), first), await library.subscribe(await connect(t), second)];
      const script = "for i = 2, #ARGV do\n  redis.call('publish', ARGV[i], ARGV[1])\nend";
      assert.equal(await library.run(publisher, script, ['{"event":"e"}', first, second]), null);
      for (const [i, channel] of [first, second].entries()) {
        assert.deepEqual(await heard[i].take(1), [{ channel, message: '{"event":"e"}' }]);
      }
      await assert.rejects(library.run(publisher, 'return 1', []), /Laravel/);
    });

    test('after unsubscribe there is no receiver, and the connection is an ordinary one again', limit, async (t) => {
      const publisher = await connect(t);
      const subscriber = await connect(t);
      const channel = freshChannel();
      const heard = await library.subscribe(subscriber, channel);
      await subscriber.unsubscribe(channel);
      assert.equal(await publisher.publish(channel, 'lost'), 0);
      // In RESP2 npm redis answers with a Buffer from here on, with Redis too.
      assert.equal(String(await subscriber.ping()), 'PONG');
      assert.equal(heard.unread, 0);
    });

    test('a payload that is not UTF-8 is refused and the connection survives', limit, async (t) => {
      const client = await connect(t);
      await assert.rejects(client.publish(freshChannel(), notUtf8), /^(ReplyError|SimpleError|Error): ERR /);
      assert.equal(await client.ping(), 'PONG');
    });

    test('quit is answered', limit, async (t) => {
      const client = await connect(t);
      const ended = once(client, 'end');
      assert.equal(await library.quit(client), 'OK');
      await ended;
    });
  });
}

/** The libraries as most people use them: with what they ask and say when they connect, and with reconnecting. */
const asTheyAre = {
  'redis, by default': (port) => createClient({ socket: { host, port, reconnectStrategy: () => 50 } }),
  'redis in RESP2': (port) => createClient({ socket: { host, port, reconnectStrategy: () => 50 }, RESP: 2 }),
  'redis in RESP3': (port) => createClient({ socket: { host, port, reconnectStrategy: () => 50 }, RESP: 3 }),
  'ioredis, by default': (port) => new Redis({ host, port, lazyConnect: true }),
  'ioredis in RESP2': (port) => new Redis({ host, port, lazyConnect: true, protocol: 2 }),
  'ioredis in RESP3': (port) => new Redis({ host, port, lazyConnect: true, protocol: 3 }),
};

/** What both have under different names; each `subscribe` resolves with what is heard as {pattern, channel, message}. */
const kinds = {
  redis: {
    async subscribe(client, channel, heard) {
      await client.subscribe(channel, (message, from) => heard.emit('message', { channel: from, message }));
    },
    async pattern(client, pattern, heard) {
      await client.pSubscribe(pattern, (message, from) => heard.emit('message', { channel: from, message }));
    },
    async sharded(client, channel, heard) {
      await client.sSubscribe(channel, (message, from) => heard.emit('message', { channel: from, message }));
    },
    publishSharded: (client, channel, message) => client.sPublish(channel, message),
    numbers: async (client, channel) => Number((await client.pubSubNumSub([channel]))[channel]),
    pipeline: async (client, channel, messages) => {
      const batch = client.multi();
      for (const message of messages) batch.publish(channel, message);
      return batch.execAsPipeline();
    },
    drop: (client) => { if (client.isOpen) client.destroy(); },
  },
  ioredis: {
    async subscribe(client, channel, heard) {
      client.on('message', (from, message) => heard.emit('message', { channel: from, message }));
      await client.subscribe(channel);
    },
    async pattern(client, pattern, heard) {
      client.on('pmessage', (_, from, message) => heard.emit('message', { channel: from, message }));
      await client.psubscribe(pattern);
    },
    async sharded(client, channel, heard) {
      client.on('smessage', (from, message) => heard.emit('message', { channel: from, message }));
      await client.ssubscribe(channel);
    },
    publishSharded: (client, channel, message) => client.spublish(channel, message),
    numbers: async (client, channel) => Number((await client.pubsub('NUMSUB', channel))[1]),
    pipeline: async (client, channel, messages) => {
      const batch = client.pipeline();
      for (const message of messages) batch.publish(channel, message);
      return (await batch.exec()).map(([failed, receivers]) => failed ?? receivers);
    },
    drop: (client) => client.disconnect(),
  },
};

for (const { title, name, entry: make, start } of pairs(asTheyAre)) {
  const library = kinds[name.split(/[ ,]/)[0]];
  describe(title, suite, () => {
    let gateway;
    before(async () => { gateway = await start(); });
    after(() => gateway?.stop());

    async function connect(t, to = gateway) {
      const client = make(to.ports.bus);
      client.on('error', () => {});
      t.after(() => library.drop(client));
      await client.connect();
      return client;
    }

    for (const [kind, subscribe, publish] of [
      ['a channel', 'subscribe', (client, channel, message) => client.publish(channel, message)],
      ['a pattern', 'pattern', (client, channel, message) => client.publish(channel, message)],
      ['a sharded channel', 'sharded', library.publishSharded],
    ]) {
      test(`${kind} hears what is published`, limit, async (t) => {
        const publisher = await connect(t);
        const channel = freshChannel();
        const emitter = new EventEmitter();
        const heard = keepEvents(emitter, 'message');
        await library[subscribe](await connect(t), subscribe === 'pattern' ? `${channel.slice(0, -1)}?` : channel, emitter);
        const messages = ['{"a": 1}', 'Grüße 🔔', '', 'two\r\nlines'];
        for (const message of messages) assert.equal(await publish(publisher, channel, message), 1);
        assert.deepEqual(await heard.take(messages.length), messages.map((message) => ({ channel, message })));
      });
    }

    test('a pipeline is answered in order', limit, async (t) => {
      const publisher = await connect(t);
      const channel = freshChannel();
      const emitter = new EventEmitter();
      const heard = keepEvents(emitter, 'message');
      await library.subscribe(await connect(t), channel, emitter);
      const messages = Array.from({ length: 300 }, (_, index) => String(index));
      assert.deepEqual(await library.pipeline(publisher, channel, messages), messages.map(() => 1));
      assert.deepEqual((await heard.take(messages.length)).map(({ message }) => message), messages);
    });

    test('a subscriber reconnects and subscribes again when the gateway comes back', limit, async (t) => {
      const first = await start();
      t.after(() => first.kill().catch(() => {}));
      const channel = freshChannel();
      const emitter = new EventEmitter();
      const heard = keepEvents(emitter, 'message');
      await library.subscribe(await connect(t, first), channel, emitter);
      await first.stop();
      const second = await start({ ports: first.ports });
      t.after(() => second.stop());
      const publisher = await connect(t, second);
      while (await library.numbers(publisher, channel) === 0) await publisher.ping();
      assert.equal(await publisher.publish(channel, 'again'), 1);
      assert.deepEqual(await heard.next(), { channel, message: 'again' });
    });
  });
}

for (const [program, start] of Object.entries(programs)) {
  describe(`redis-cli at ${program}`, suite, () => {
    let gateway;
    before(async () => { gateway = await start(); });
    after(() => gateway?.stop());

    const commands = [
      ['PING', ['PING'], 'PONG'],
      ['PING with a message', ['PING', 'hello'], 'hello'],
      ['PUBLISH prints the number of receivers', ['PUBLISH', 'mail:nobody', '{"from":"bob","subject":"hi"}'], '0'],
      ['commands in small letters', ['publish', 'mail:nobody', 'hi'], '0'],
      ['an unknown command', ['FLY'], "ERR unknown command 'FLY', with args beginning with: "],
      ['an unknown command with arguments', ['fly', 'me', 'to the moon'],
        "ERR unknown command 'fly', with args beginning with: 'me' 'to the moon' "],
    ];
    for (const [name, args, expected] of commands) {
      test(name, limit, async () => {
        assert.equal(await gateway.redisCli(...args), expected);
      });
    }

    test('a payload that is not UTF-8 is refused', limit, async () => {
      assert.match(await gateway.redisCliInput(notUtf8, 'PUBLISH', 'mail:nobody'), /^ERR /);
    });

    test('PUBLISH counts a subscriber of the bus', limit, async (t) => {
      const subscriber = await libraries.ioredis.connect(gateway.ports.bus);
      t.after(() => libraries.ioredis.drop(subscriber));
      const channel = freshChannel();
      const heard = await libraries.ioredis.subscribe(subscriber, channel);
      assert.equal(await gateway.redisCli('PUBLISH', channel, 'hi'), '1');
      assert.deepEqual(await heard.next(), { channel, message: 'hi' });
    });
  });
}
