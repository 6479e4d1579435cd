// Real proxies that keep their connections to the gateway and use them again: what was asked on a connection before must
// not decide what becomes of the next request.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';

import { startGateway } from './gateway.mjs';
import { host, nginxWith, startProxy } from './proxy.mjs';

const suite = { timeout: 120_000 };

const nginx = {
  name: 'nginx with keepalive',
  ...nginxWith((port, gateway) => `
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  upstream gateway { server ${host}:${gateway}; keepalive 16; }
  server {
    listen ${host}:${port};
    location / {
      proxy_pass http://gateway;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_next_upstream off;
    }
  }`),
};

const haproxy = {
  name: 'HAProxy with http-reuse always',
  command: (folder) => ['/usr/sbin/haproxy', '-db', '-f', join(folder, 'proxy.conf')],
  configuration: (folder, port, gateway) => `
global
  maxconn 256
defaults
  mode http
  option http-keep-alive
  http-reuse always
  retries 0
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 30s
frontend clients
  bind ${host}:${port}
  default_backend gateway
backend gateway
  option httpchk GET /readyz
  server one ${host}:${gateway} check inter 200ms
`,
};

/** A page through the proxy, on a connection of `agent`. */
function page(agent, port, path = '/', method = 'GET') {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, path, method, agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part) => { body += part; });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** A WebSocket through the proxy that has connected and subscribed; closes it when `use` is done. */
async function socket(port, use) {
  const client = new WebSocket(`ws://${host}:${port}/connection/websocket`);
  await once(client, 'open'); // anything but 101 is an error event, which rejects
  client.send('{"id":1,"connect":{}}');
  const [reply] = await once(client, 'message');
  assert.match(String(reply), /^\{"id":1,"connect":\{/);
  await use?.(client);
  client.close();
  await once(client, 'close');
}

for (const kind of [nginx, haproxy]) {
  describe(kind.name, suite, () => {
    let gateway, proxy;
    before(async () => {
      gateway = await startGateway({ flags: ['--shards', '2'] });
      proxy = await startProxy(kind, gateway);
    });
    after(async () => {
      await proxy?.stop();
      await gateway?.stop();
    });

    test('page, upgrade, page, upgrade', async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let round = 0; round < 10; ++round) {
        const seen = await page(agent, proxy.port);
        assert.equal(seen.status, 200);
        assert.match(seen.body, /<\/html>/);
        await socket(proxy.port);
      }
      agent.destroy();
    });

    test('pages and upgrades by many at the same time', async () => {
      await Promise.all(Array.from({ length: 16 }, async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (let round = 0; round < 5; ++round) {
          assert.equal((await page(agent, proxy.port, round % 2 ? '/' : '/readyz')).status, 200);
          await socket(proxy.port);
        }
        agent.destroy();
      }));
    });

    test('refusals are answers of the gateway, and spoil no connection', async () => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      for (let round = 0; round < 5; ++round) {
        assert.equal((await page(agent, proxy.port, '/nothing')).status, 404);
        assert.equal((await page(agent, proxy.port, '/', 'POST')).status, 405);
        assert.equal((await page(agent, proxy.port, '/', 'HEAD')).status, 200);
        assert.equal((await page(agent, proxy.port, '/nothing', 'HEAD')).status, 404);
        assert.equal((await page(agent, proxy.port, '/connection/websocket')).status, 426);
        await socket(proxy.port);
      }
      agent.destroy();
    });

    test('publications come through', async () => {
      await socket(proxy.port, async (client) => {
        client.send('{"id":2,"subscribe":{"channel":"mail:proxy"}}');
        await once(client, 'message');
        const heard = once(client, 'message');
        assert.equal(await gateway.redisCli('PUBLISH', 'mail:proxy', '"ring"'), '1');
        const [push] = await heard;
        assert.deepEqual(JSON.parse(push), { push: { channel: 'mail:proxy', pub: { data: 'ring' } } });
      });
    });
  });
}
