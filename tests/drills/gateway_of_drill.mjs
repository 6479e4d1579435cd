// What the drills share beside the crowd: a configuration with tokens and a stream, gateways behind an HAProxy, and who publishes.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../node/gateway.mjs';
import { freePort, until } from '../node/redis_server.mjs';
import { key, now, secret, sleep } from './crowd.mjs';

export const folder = mkdtempSync(join(tmpdir(), 'carillon-drill-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
export const channel = 'drill';

const configuration = join(folder, 'carillon.toml');
writeFileSync(configuration, `
token_hmac_secret = "${secret}"
api_key = "${key}"
[[namespace]]
subscribe = ["client"]
publish = ["client"]
history_size = 10000
history_ttl_s = 600
recovery = "stream"
`);

export const start = (options = {}) => startGateway({ dev: false, ...options, flags: ['--config', configuration, ...(options.flags ?? [])] });

/** Bytes of memory of a process: now, and the most there was. */
export function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
  return { now: of('VmRSS'), most: of('VmHWM') };
}
export const inMb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** Publishes `perS` times a second until stopped, by whichever of the gateways takes it; each publication once. */
export class Publisher {
  published = 0;
  lateMs = 0; // the longest until one was taken
  #going = true;
  #run;

  constructor(gateways, perS, to = channel) {
    this.#run = (async () => {
      for (let next = now(); this.#going; next += 1000 / perS) {
        if (next > now()) await sleep(next - now());
        const sent = now();
        const ask = { channel: to, data: { sent }, idempotency_key: `n-${this.published}` };
        for (let i = 0; ; ++i) {
          const each = gateways()[i % gateways().length];
          const answer = await each?.api('publish', ask, key).catch(() => ({}));
          if (answer?.result) break;
          await sleep(20);
        }
        ++this.published;
        this.lateMs = Math.max(this.lateMs, now() - sent);
      }
    })();
  }

  async stop() {
    this.#going = false;
    await this.#run;
  }
}

/** An HAProxy before gateways that are asked for /readyz on their control ports five times a second. */
export class Balancer {
  #child;

  static async start(servers) {
    const made = new Balancer();
    made.port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, `
global
    maxconn 9900
    nbthread 1
defaults
    mode http
    timeout connect 2s
    timeout client  75s
    timeout server  75s
    timeout tunnel  75s
    retries 3
    option redispatch 1
frontend clients
    bind 127.0.0.1:${made.port}
    default_backend carillon
backend carillon
    balance leastconn
    option httpchk GET /readyz
    default-server check inter 200ms fall 1 rise 1
${servers.map(({ client, control }, i) => `    server node${i} 127.0.0.1:${client} port ${control}`).join('\n')}
`);
    made.#child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
    process.once('exit', () => made.#child.kill('SIGKILL'));
    await until(async () => (await fetch(`http://127.0.0.1:${made.port}/livez`).catch(() => ({}))).status === 200, 'HAProxy passes on');
    return made;
  }

  stop() { this.#child.kill(); }
}

export const freePorts = async () => ({ client: await freePort(), control: await freePort() });
