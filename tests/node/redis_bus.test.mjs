// Several gateways on one bus, a real redis-server or a carillon-bus: what is published reaches everybody, whatever
// happens to it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { freshChannel, keepEvents, startGateway } from './gateway.mjs';
import { RedisServer, until } from './redis_server.mjs';

const suite = { timeout: 180_000 };
const limit = { timeout: 60_000 };
const host = '127.0.0.1';
const patienceMs = 20_000;
const readyLimitMs = 10_000;
const busBinary = process.env.BUS_BINARY ??
  fileURLToPath(new URL('../../build/release/app/carillon-bus', import.meta.url));

/** As before Redis 6: no HELLO, hence no RESP3. */
class OldRedis extends RedisServer {
  command() {
    const [program, flags] = super.command();
    return [program, [...flags, '--rename-command', 'HELLO', '']];
  }
}

class CarillonBus extends RedisServer {
  command() {
    return [busBinary,
      ['--bus-listen', `${host}:${this.port}`, '--control-listen', `${host}:0`, '--shards', '2', ...this.flags]];
  }
}

async function connect(t, gateway) {
  const client = new Centrifuge(gateway.socketUrl, { websocket: WebSocket, minReconnectDelay: 20, maxReconnectDelay: 200 });
  t.after(() => client.disconnect());
  client.connect();
  await client.ready(readyLimitMs);
  return client;
}

async function subscribe(client, channel) {
  const subscription = client.newSubscription(channel);
  const publications = keepEvents(subscription, 'publication');
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  return { subscription, publications };
}

const dataOf = (publications) => publications.map(({ data }) => data);
const untilReady = (gateway) => until(async () => (await gateway.readiness()).status === 200, 'the gateway is ready');
const untilAway = (gateway) => until(async () => {
  const { status, body } = await gateway.readiness();
  return status === 503 && body;
}, 'the gateway is not ready');

for (const [name, Server] of [['Redis', RedisServer], ['Redis without HELLO', OldRedis], ['carillon-bus', CarillonBus]]) {
  describe(`two gateways on one ${name}`, suite, () => {
    let bus;
    let gateways;
    before(async () => {
      bus = await Server.start();
      const flags = ['--bus-reply-timeout-ms', '500', '--bus-ping-interval-ms', '200', '--bus-backoff-max-ms', '200',
        '--bus-linger-ms', '300'];
      gateways = await Promise.all([1, 2].map(() => startGateway({ bus: bus.url, flags })));
      await Promise.all(gateways.map(untilReady));
    });
    after(async () => {
      await Promise.all((gateways ?? []).map((gateway) => gateway.stop()));
      await bus?.kill();
    });

    test('subscribers of both hear everything that redis-cli publishes, once and in order', limit, async (t) => {
      const channel = freshChannel();
      const heard = [];
      for (const gateway of gateways) {
        for (let i = 0; i < 2; ++i) heard.push((await subscribe(await connect(t, gateway), channel)).publications);
      }
      const numbers = Array.from({ length: 1000 }, (_, n) => ({ n }));
      await bus.cliPipe(numbers.map(({ n }) => `PUBLISH ${channel} '{"n":${n}}'`));
      for (const publications of heard) {
        assert.deepEqual(dataOf(await publications.take(numbers.length)), numbers);
      }
      await bus.cli('PUBLISH', channel, '"end"');
      for (const publications of heard) assert.equal((await publications.next()).data, 'end');
    });

    test('subscribers of both hear what a client of one publishes, once and in order', limit, async (t) => {
      const channel = freshChannel();
      const publisher = await connect(t, gateways[0]);
      const heard = [];
      for (const gateway of gateways) heard.push((await subscribe(await connect(t, gateway), channel)).publications);
      const numbers = Array.from({ length: 1000 }, (_, n) => ({ n }));
      await Promise.all(numbers.map((number) => publisher.publish(channel, number)));
      await publisher.publish(channel, 'end');
      for (const publications of heard) {
        assert.deepEqual(dataOf(await publications.take(numbers.length + 1)), [...numbers, 'end']);
      }
    });

    test('subscribed means that the bus has confirmed it', limit, async (t) => {
      const client = await connect(t, gateways[0]);
      const other = await connect(t, gateways[1]);
      for (let i = 0; i < 20; ++i) {
        const channel = freshChannel();
        await subscribe(client, channel);
        assert.equal(await bus.subscribers(channel), 1);
        await subscribe(other, channel);
        assert.equal(await bus.subscribers(channel), 2);
      }
    });

    test('the last to unsubscribe takes the gateway out of the channel, after a while', limit, async (t) => {
      const channel = freshChannel();
      const first = await subscribe(await connect(t, gateways[0]), channel);
      const second = await subscribe(await connect(t, gateways[0]), channel);
      first.subscription.unsubscribe();
      await bus.cli('PUBLISH', channel, '1');
      assert.equal((await second.publications.next()).data, 1);
      assert.equal(await bus.subscribers(channel), 1);
      second.subscription.unsubscribe();
      await until(async () => await bus.subscribers(channel) === 0, 'nobody is subscribed');
    });

    test('a payload that is no text is dropped, and those after it arrive', limit, async (t) => {
      const channel = freshChannel();
      const { publications } = await subscribe(await connect(t, gateways[1]), channel);
      await bus.publishBytes(channel, Buffer.from([0x61, 0xff, 0xfe]));
      await bus.cli('PUBLISH', channel, 'after');
      assert.equal((await publications.next()).data, 'after');
    });

    const losses = [
      ['killed and started again', () => bus.kill(), () => bus.restart()],
      ['frozen and thawed', () => bus.pause(), () => bus.resume()],
    ];
    for (const [loss, lose, heal] of losses) {
      test(`it is ${loss}`, limit, async (t) => {
        const channel = freshChannel();
        const clients = await Promise.all(gateways.map((gateway) => connect(t, gateway)));
        const lost = [];
        for (const client of clients) client.on('connecting', (context) => lost.push(context));
        const heard = [];
        for (const client of clients) heard.push((await subscribe(client, channel)).publications);
        await bus.cli('PUBLISH', channel, '"before"');
        for (const publications of heard) assert.equal((await publications.next()).data, 'before');

        await lose();
        try {
          const [why] = await Promise.all(gateways.map(untilAway));
          assert.match(why, /away/);
          await assert.rejects(clients[0].publish(channel, 'lost'), (error) => {
            assert.equal(error.code, 100);
            assert.equal(error.temporary, true);
            return true;
          });
        } finally {
          await heal();
        }

        await Promise.all(gateways.map(untilReady));
        await bus.cli('PUBLISH', channel, '"back"');
        for (const publications of heard) assert.equal((await publications.next()).data, 'back');
        await clients[0].publish(channel, 'from a client');
        for (const publications of heard) assert.equal((await publications.next()).data, 'from a client');
        assert.deepEqual(lost, []);
      });
    }
  });
}

describe('a Redis with a password', suite, () => {
  let redis;
  before(async () => { redis = await RedisServer.start({ flags: ['--requirepass', 'open sesame'] }); });
  after(() => redis?.kill());

  test('the right one', limit, async (t) => {
    const gateway = await startGateway({ bus: `redis://:open%20sesame@${host}:${redis.port}` });
    t.after(() => gateway.stop());
    await untilReady(gateway);
    const client = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(client, channel);
    await client.publish(channel, 'hello');
    assert.equal((await publications.next()).data, 'hello');
    assert.doesNotMatch(gateway.log, /sesame/);
  });

  test('a new one, without a restart', limit, async (t) => {
    const server = await RedisServer.start({ flags: ['--requirepass', 'old secret'] });
    t.after(() => server.kill());
    const folder = mkdtempSync(join(tmpdir(), 'carillon-login-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'bus-password');
    writeFileSync(file, 'old secret\n');
    const gateway = await startGateway({ bus: `redis://${host}:${server.port}`, flags: ['--bus-password-file', file] });
    t.after(() => gateway.stop());
    await untilReady(gateway);
    const client = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(client, channel);

    writeFileSync(file, 'not yet\n');
    gateway.signal('SIGHUP');
    await until(() => /does not take the new password.*WRONGPASS/.test(gateway.log), 'a warning');
    await client.publish(channel, 'as before');
    assert.equal((await publications.next()).data, 'as before');

    await server.cli('-a', 'old secret', 'CONFIG', 'SET', 'requirepass', 'not yet');
    await server.cli('-a', 'not yet', 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => server.cli('-a', 'not yet', 'CLIENT', 'LIST', 'TYPE', 'pubsub'), 'the gateway has come back');
    await untilReady(gateway);
    await client.publish(channel, 'with the new one');
    assert.equal((await publications.next()).data, 'with the new one');
    assert.match(gateway.log, /the configuration has changed: bus_password\n/);
    assert.doesNotMatch(gateway.log, /secret|not yet/);
  });

  const refusals = [
    ['a wrong one', (port) => `redis://:wrong@${host}:${port}`, /WRONGPASS/],
    ['none', (port) => `redis://${host}:${port}`, /NOAUTH/],
  ];
  for (const [name, url, reason] of refusals) {
    test(`${name}: the gateway runs, is not ready, and says why`, limit, async (t) => {
      const gateway = await startGateway({ bus: url(redis.port) });
      t.after(() => gateway.stop());
      await until(async () => {
        const { status, body } = await gateway.readiness();
        assert.equal(status, 503);
        return reason.test(body);
      }, 'the reason on /readyz');
      await until(() => reason.test(gateway.log), 'the reason in the log');
    });
  }
});

describe('a Redis without HELLO', suite, () => {
  test('it says the password over again, and the log does not', limit, async (t) => {
    const redis = await OldRedis.start({ flags: ['--requirepass', 'open sesame'] });
    t.after(() => redis.kill());
    const wrong = await startGateway({ bus: `redis://:sesame@${host}:${redis.port}` });
    t.after(() => wrong.stop());
    await until(async () => {
      const { body } = await wrong.readiness();
      assert.doesNotMatch(body, /sesame/);
      return /WRONGPASS/.test(body);
    }, 'the reason on /readyz');
    await until(() => /WRONGPASS/.test(wrong.log), 'the reason in the log');
    assert.doesNotMatch(wrong.log, /sesame/);

    const gateway = await startGateway({ bus: `redis://:open%20sesame@${host}:${redis.port}` });
    t.after(() => gateway.stop());
    await untilReady(gateway);
    const client = await connect(t, gateway);
    const channel = freshChannel();
    const { publications } = await subscribe(client, channel);
    await client.publish(channel, 'hello');
    assert.equal((await publications.next()).data, 'hello');
    assert.doesNotMatch(gateway.log, /sesame/);
  });

  test('a master that becomes a replica is left', limit, async (t) => {
    const redis = await OldRedis.start();
    t.after(() => redis.kill());
    const gateway = await startGateway({
      bus: redis.url, flags: ['--bus-ping-interval-ms', '100', '--bus-backoff-max-ms', '200'],
    });
    t.after(() => gateway.stop());
    await untilReady(gateway);
    await redis.cli('REPLICAOF', host, '1');
    assert.match(await untilAway(gateway), /replica/);
    await redis.cli('REPLICAOF', 'NO', 'ONE');
    await untilReady(gateway);
  });
});

describe('a Redis whose user may not have every channel', suite, () => {
  let redis, gateway;
  before(async () => {
    redis = await RedisServer.start();
    await redis.cli('ACL', 'SETUSER', 'gateway', 'on', '>sesame', '+@all', '~*', 'resetchannels', '&allowed:*', '&other:*');
    gateway = await startGateway({
      bus: `redis://gateway:sesame@${host}:${redis.port}`, flags: ['--shards', '2', '--bus-backoff-max-ms', '200'],
    });
    await untilReady(gateway);
  });
  after(async () => { await gateway?.stop(); await redis?.kill(); });

  test('a client that asks for another channel is refused, and nobody else notices', limit, async (t) => {
    const channel = `allowed:${freshChannel()}`;
    const bystander = await subscribe(await connect(t, gateway), channel);
    const client = await connect(t, gateway);
    const before = await gateway.metric('carillon_upstream_subscribes_refused_total');
    for (let i = 0; i < 3; ++i) {
      const secret = client.newSubscription(`secret:${freshChannel()}`);
      const refused = once(secret, 'unsubscribed');
      secret.subscribe();
      const [{ code, reason }] = await refused;
      assert.deepEqual({ code, reason }, { code: 103, reason: 'permission denied' });
    }
    await assert.rejects(client.publish('secret:x', 1), (error) => {
      assert.equal(error.code, 103);
      return true;
    });
    await client.publish(channel, 'still');
    assert.equal((await bystander.publications.next()).data, 'still');
    assert.equal(await gateway.metric('carillon_upstream_subscribes_refused_total'), before + 3);
    assert.equal(await gateway.metric('carillon_upstream_disconnects_total'), 0);
    assert.equal((await gateway.readiness()).status, 200);
  });

  test('who had a channel when the rights changed is told, and everybody else has theirs back', limit, async (t) => {
    const clients = await Promise.all([1, 2, 3].map(() => connect(t, gateway)));
    const lost = [];
    for (const client of clients) client.on('connecting', (context) => lost.push(context));
    const mine = [];
    for (const client of clients) mine.push((await subscribe(client, `allowed:${freshChannel()}`)));
    const theirs = `other:${freshChannel()}`;
    const ended = [];
    for (const client of clients.slice(1)) ended.push(once((await subscribe(client, theirs)).subscription, 'unsubscribed'));
    await redis.cli('ACL', 'SETUSER', 'gateway', 'resetchannels', '&allowed:*'); // which cuts who has others
    for (const [{ code, reason }] of await Promise.all(ended)) {
      assert.deepEqual({ code, reason }, { code: 2000, reason: 'permission denied' });
    }
    await untilReady(gateway);
    for (const { subscription, publications } of mine) {
      await redis.cli('PUBLISH', subscription.channel, '"back"');
      assert.equal((await publications.next()).data, 'back');
    }
    assert.deepEqual(lost, []);
  });
});
