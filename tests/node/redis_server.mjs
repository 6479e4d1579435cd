// A redis-server that a test starts, ends and asks, and patience.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect as connectTcp } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const host = '127.0.0.1';
const patienceMs = 20_000;
const run = promisify(execFile);

export async function freePort() {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks again and again until `condition()` holds; bounded. */
export async function until(condition, what) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await delay(10);
  }
}

/** A redis-server of this test file alone; or what speaks its protocol. */
export class RedisServer {
  #child;

  constructor(port, flags) {
    this.port = port;
    this.flags = flags;
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  static async start({ flags = [] } = {}) {
    const server = new this(await freePort(), flags);
    await server.restart();
    return server;
  }

  get url() {
    return `redis://${host}:${this.port}`;
  }

  command() {
    return ['redis-server',
      ['--port', String(this.port), '--bind', host, '--save', '', '--appendonly', 'no', '--dir', '/tmp', ...this.flags]];
  }

  async restart() {
    this.#child = spawn(...this.command(), { stdio: 'ignore' });
    this.#child.unref(); // a test file that fails ends all the same
    await until(() => new Promise((resolve) => {
      const socket = connectTcp(this.port, host, () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    }), `${this.command()[0]} listens`);
  }

  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  pause() { this.#child.kill('SIGSTOP'); }
  resume() { this.#child.kill('SIGCONT'); }

  async cli(...args) {
    const { stdout } = await run('redis-cli', ['-h', host, '-p', String(this.port), ...args], { timeout: patienceMs });
    return stdout.replace(/[\r\n]+$/, '');
  }

  /** One redis-cli that is fed commands, one a line. */
  async cliPipe(lines) {
    const child = spawn('redis-cli', ['-h', host, '-p', String(this.port)], { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    child.stdin.end(lines.join('\n') + '\n');
    assert.equal((await ended)[0], 0);
  }

  /** One publication of any bytes. */
  async publishBytes(channel, bytes) {
    const child = spawn('redis-cli', ['-h', host, '-p', String(this.port), '-x', 'PUBLISH', channel],
      { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = once(child, 'exit');
    child.stdin.end(bytes);
    assert.equal((await ended)[0], 0);
  }

  /** How many connections are subscribed, gateways that is. */
  async subscribers(channel) {
    return Number((await this.cli('PUBSUB', 'NUMSUB', channel)).split('\n')[1]);
  }
}
