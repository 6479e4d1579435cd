// The bus against the clients people publish with: npm redis, ioredis (both in RESP2) and redis-cli.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { freshChannel, keepEvents, startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const limit = { timeout: 20_000 };
const host = '127.0.0.1';
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
    quit: (client) => client.quit(),
    drop: (client) => client.disconnect(),
  },
};

for (const [name, library] of Object.entries(libraries)) {
  describe(`npm ${name}`, suite, () => {
    let gateway;
    before(async () => { gateway = await startGateway(); });
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

describe('redis-cli', suite, () => {
  let gateway;
  before(async () => { gateway = await startGateway(); });
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
