// What an idle WebSocket over TLS holds in the process that ends TLS: the gateway itself, or nginx or HAProxy in front of it.
// Bytes of resident memory for each of the second half of CONNECTIONS (2000), connected and subscribed.
// Run from the top of the tree: node tests/bench/tls_peers.mjs
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import tls from 'node:tls';
import { startGateway } from '../node/gateway.mjs';

const connections = Number(process.env.CONNECTIONS ?? 2000);
const folder = mkdtempSync(join(tmpdir(), 'carillon-tls-peers-'));
const file = (name) => join(folder, name);
const upgrade = 'GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

function frame(text) {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function client(port) {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, minVersion: 'TLSv1.3' });
  await once(socket, 'secureConnect');
  socket.write(upgrade);
  await once(socket, 'data');
  socket.write(frame('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"mail:all"}}'));
  await once(socket, 'data');
  return socket.resume();
}

async function open(count, port) {
  const made = [];
  while (made.length < count) made.push(...await Promise.all(Array.from({ length: 50 }, () => client(port))));
  return made;
}

async function row(name, pid, port) {
  const first = await open(connections / 2, port);
  await pause(500);
  const half = resident(pid);
  const rest = await open(connections / 2, port);
  await pause(500);
  console.log(`| ${name} | ${Math.round((resident(pid) - half) / (connections / 2))} |`);
  for (const socket of [...first, ...rest]) socket.destroy();
}

/** A proxy of its own, in front of a gateway without TLS. */
async function behind(name, command) {
  const gateway = await startGateway({ flags: ['--shards', '1', '--client-ping-interval-ms', '3600000'] });
  const port = await freePort();
  const [program, ...parameters] = command(port, gateway.ports.client);
  const proxy = spawn(program, parameters, { stdio: 'inherit' });
  for (let attempt = 0; attempt < 200; ++attempt) {
    const socket = net.connect(port, '127.0.0.1');
    const up = await Promise.race([once(socket, 'connect').then(() => true, () => false), once(socket, 'close').then(() => false)]);
    socket.destroy();
    if (up) break;
    await pause(50);
  }
  await row(name, proxy.pid, port);
  proxy.kill('SIGKILL');
  await gateway.kill();
}

execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('own.key'), '-out',
  file('own.pem'), '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
writeFileSync(file('both.pem'), readFileSync(file('own.pem'), 'utf8') + readFileSync(file('own.key'), 'utf8'));

console.log('| who ends TLS 1.3 | bytes of its process for an idle WebSocket |\n|---|---|');
const gateway = await startGateway({ flags: ['--shards', '1', '--client-ping-interval-ms', '3600000', '--tls-certificate-files', file('own.pem'),
  '--tls-key-files', file('own.key')] });
await row('the gateway', gateway.process, gateway.ports.client);
await gateway.kill();

const version = (program, ...args) => /[\d.]+/.exec(execFileSync('sh', ['-c', `${program} ${args.join(' ')} 2>&1`], { encoding: 'utf8' }))[0];
await behind(`nginx ${version('/usr/sbin/nginx', '-v')} in front of it`, (port, to) => {
  writeFileSync(file('nginx.conf'), `daemon off; master_process off; pid ${file('nginx.pid')}; error_log stderr error;
events { worker_connections 10000; }
http { access_log off; client_body_temp_path ${file('body')}; proxy_temp_path ${file('proxy')}; fastcgi_temp_path ${file('fastcgi')};
  uwsgi_temp_path ${file('uwsgi')}; scgi_temp_path ${file('scgi')};
  server { listen 127.0.0.1:${port} ssl; ssl_certificate ${file('own.pem')}; ssl_certificate_key ${file('own.key')}; ssl_protocols TLSv1.3;
    location / { proxy_pass http://127.0.0.1:${to}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade; proxy_read_timeout 3600s; } } }`);
  return ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', file('nginx.conf')];
});
await behind(`HAProxy ${version('/usr/sbin/haproxy', '-v')} in front of it`, (port, to) => {
  writeFileSync(file('haproxy.cfg'), `global
  maxconn 5000
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout tunnel 3600s
frontend f
  bind 127.0.0.1:${port} ssl crt ${file('both.pem')} ssl-min-ver TLSv1.3
  default_backend b
backend b
  server s 127.0.0.1:${to}
`);
  return ['/usr/sbin/haproxy', '-f', file('haproxy.cfg'), '-db'];
});
rmSync(folder, { recursive: true, force: true });
process.exit(0);
