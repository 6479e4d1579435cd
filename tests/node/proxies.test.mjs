// Real proxies that keep their connections to the gateway and use them again: what was asked on a connection before must
// not decide what becomes of the next request.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';

import { startGateway } from './gateway.mjs';

const host = '127.0.0.1';
const startAttempts = 5;
const startLimitMs = 20_000;
const suite = { timeout: 120_000 };

const nginx = {
  name: 'nginx with keepalive',
  command: (folder) => ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', join(folder, 'proxy.conf')],
  configuration: (folder, port, gateway) => `
daemon off;
master_process off;
pid ${folder}/proxy.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
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
  }
}`,
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

async function freePort() {
  const server = net.createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when something accepts at the port; false when `gone()` says that it never will. */
async function accepts(port, gone) {
  const end = Date.now() + startLimitMs;
  while (Date.now() < end && !gone()) {
    const socket = net.connect(port, host);
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      await pause(20);
    } finally {
      socket.destroy();
    }
  }
  return false;
}

/** Starts a proxy in front of the gateway, on a port of its own, with a folder of its own. */
async function startProxy(kind, gateway) {
  const folder = await mkdtemp(join(tmpdir(), 'carillon-proxy-'));
  // Somebody may take the free port before the proxy does.
  for (let attempt = 1; attempt <= startAttempts; ++attempt) {
    const port = await freePort();
    await writeFile(join(folder, 'proxy.conf'), kind.configuration(folder, port, gateway.ports.client));
    const [program, ...parameters] = kind.command(folder);
    const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    let ended = false;
    child.stderr.on('data', (data) => { log += data; });
    child.on('error', (error) => { log += error; ended = true; });
    child.on('exit', () => { ended = true; });
    const reap = () => child.kill('SIGKILL');
    process.once('exit', reap);
    if (await accepts(port, () => ended)) {
      return {
        port,
        stop: async () => {
          const exit = ended || once(child, 'exit');
          child.kill('SIGKILL');
          await exit;
          process.off('exit', reap);
          await rm(folder, { recursive: true, force: true });
        },
      };
    }
    child.kill('SIGKILL');
    process.off('exit', reap);
    if (attempt === startAttempts) throw new Error(`${kind.name} did not start:\n${log}`);
  }
  throw new Error('unreachable');
}

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
