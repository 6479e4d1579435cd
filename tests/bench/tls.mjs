// What TLS costs beside plain: idle bytes of the process for each connection, processor time for each handshake and for
// each delivery. Run from the top of the tree: node tests/bench/tls.mjs
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { startGateway } from '../node/gateway.mjs';

const connections = Number(process.env.CONNECTIONS ?? 2000);
const handshakes = 1000;
const folder = mkdtempSync(join(tmpdir(), 'carillon-tls-bench-'));
const upgrade = 'GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
const ticksPerSecond = 100;

function makeCertificate(name, ...kind) {
  execFileSync('openssl', ['req', '-x509', '-newkey', ...kind, '-nodes', '-keyout', join(folder, `${name}.key`), '-out',
    join(folder, `${name}.pem`), '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
}

/** A masked text frame. */
function frame(text) {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

const resident = (gateway) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.process}/status`, 'utf8'))[1]) * 1024;

/** Microseconds that the process has used. */
function used(gateway) {
  const fields = readFileSync(`/proc/${gateway.process}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / ticksPerSecond;
}

async function open(gateway, options) {
  const socket = options
    ? tls.connect({ host: '127.0.0.1', port: gateway.ports.client, rejectUnauthorized: false, ...options })
    : net.connect(gateway.ports.client, '127.0.0.1');
  await once(socket, options ? 'secureConnect' : 'connect');
  return socket;
}

async function client(gateway, options) {
  const socket = await open(gateway, options);
  socket.write(upgrade);
  await once(socket, 'data');
  socket.write(frame('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"mail:all"}}'));
  await once(socket, 'data');
  socket.resume();
  return socket;
}

async function inBatches(count, what) {
  const made = [];
  while (made.length < count) made.push(...await Promise.all(Array.from({ length: 50 }, what)));
  return made;
}

async function row(name, certificate, options) {
  const flags = certificate ? ['--tls-certificate-files', join(folder, `${certificate}.pem`), '--tls-key-files', join(folder, `${certificate}.key`)] : [];
  const gateway = await startGateway({ flags: ['--shards', '1', '--client-ping-interval-ms', '3600000', ...flags] });
  let session;
  if (options?.resume) {
    const socket = await open(gateway, options);
    [session] = await once(socket, 'session');
    socket.destroy();
  }
  const how = options && { ...options, session };
  const before = used(gateway);
  for (let done = 0; done < handshakes; done += 50) {
    for (const socket of await Promise.all(Array.from({ length: 50 }, () => open(gateway, how)))) {
      socket.write('GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n');
      socket.resume().on('error', () => {});
      await once(socket, 'close');
    }
  }
  const handshake = (used(gateway) - before) / handshakes;
  const first = await inBatches(connections, () => client(gateway, how));
  const half = resident(gateway);
  const rest = await inBatches(connections, () => client(gateway, how));
  const idle = (resident(gateway) - half) / connections;
  const publications = 20;
  const payload = JSON.stringify({ text: 'x'.repeat(100) });
  const start = used(gateway);
  for (let i = 0; i < publications; ++i) await gateway.redisCliInput(payload, 'PUBLISH', 'mail:all');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const delivery = (used(gateway) - start) / (publications * connections * 2);
  console.log(`| ${name} | ${Math.round(idle)} | ${Math.round(handshake)} | ${delivery.toFixed(2)} |`);
  for (const socket of [...first, ...rest]) socket.destroy();
  await gateway.kill();
}

makeCertificate('ec', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
makeCertificate('rsa', 'rsa:2048');
console.log('| | idle bytes | us for a connection with a request | us for a delivery |\n|---|---|---|---|');
await row('plain', null, null);
await row('TLS 1.3, ECDSA P-256', 'ec', { minVersion: 'TLSv1.3' });
await row('TLS 1.3, resumed', 'ec', { minVersion: 'TLSv1.3', resume: true });
await row('TLS 1.2, ECDSA P-256', 'ec', { maxVersion: 'TLSv1.2' });
await row('TLS 1.3, RSA 2048', 'rsa', { minVersion: 'TLSv1.3' });
rmSync(folder, { recursive: true, force: true });
process.exit(0);
