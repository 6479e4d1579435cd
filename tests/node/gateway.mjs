// What the Node tests share: a gateway or a carillon-bus of their own, redis-cli, and a queue for events.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const binary = process.env.GATEWAY_BINARY ??
  fileURLToPath(new URL('../../build/release/app/carillon', import.meta.url));
const busBinary = process.env.BUS_BINARY ??
  fileURLToPath(new URL('../../build/release/app/carillon-bus', import.meta.url));
const host = '127.0.0.1';
const startLimitMs = 20_000;
const stopLimitMs = 20_000;
const commandLimitMs = 10_000;
const doors = ['client', 'control', 'bus'];
const doorsWithoutBus = ['client', 'control'];
const doorsOfBus = ['control', 'bus'];

/** Rejects with `message()` when `promise` takes longer. */
async function within(limitMs, promise, message) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

class Gateway {
  /** Door name -> port, e.g. `ports.bus`; what a restart on the same ports is given. */
  ports = {};
  #binary;
  #child;
  #doors;
  #ended;
  #log = [];

  constructor(program, itsDoors, ports, flags, command = []) {
    this.#binary = program;
    this.#doors = itsDoors;
    const listen = this.#doors.flatMap((door) => [`--${door}-listen`, `${host}:${ports[door] ?? 0}`]);
    this.#child = spawn(program, [...command, ...listen, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    // A test file that dies must not leave its gateway behind.
    const reap = () => this.#child.kill('SIGKILL');
    process.once('exit', reap);
    this.#ended = once(this.#child, 'close').finally(() => process.off('exit', reap));
    this.#ended.catch(() => {});
  }

  get pid() {
    return this.#child.pid;
  }

  /** When it has ended by itself: [exit code, signal]. */
  get ended() {
    return within(stopLimitMs, this.#ended, () => `${this.#binary} did not end:\n${this.log}`);
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get log() {
    return this.#log.join('\n');
  }

  get url() {
    return `http://${host}:${this.ports.client}`;
  }

  get socketUrl() {
    return `ws://${host}:${this.ports.client}/connection/websocket`;
  }

  /** The sum over all shards of one of its metrics. */
  async metric(name) {
    const text = await (await fetch(`http://${host}:${this.ports.control}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map(([, value]) => Number(value));
    if (values.length === 0) throw new Error(`there is no metric ${name}`);
    return values.reduce((sum, value) => sum + value, 0);
  }

  /** One call of the server API; resolves with the answer. */
  async api(method, params, key) {
    const answer = await fetch(`http://${host}:${this.ports.control}/api/${method}`,
      { method: 'POST', headers: { 'X-API-Key': key }, body: JSON.stringify(params) });
    return answer.json();
  }

  /** What the control port says: whether it is to be sent clients, and if not, why. */
  async readiness() {
    const answer = await fetch(`http://${host}:${this.ports.control}/readyz`);
    return { status: answer.status, body: await answer.text() };
  }

  ready() {
    const ready = new Promise((resolve) => {
      const take = (line) => {
        this.#log.push(line);
        const door = /listening on \S+:(\d+) \((\w+)\)/.exec(line);
        if (door) this.ports[door[2]] = Number(door[1]);
        else if (/\bready\b/.test(line) && this.#doors.every((name) => this.ports[name])) resolve();
      };
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        createInterface({ input: stream }).on('line', take);
      }
    });
    const ended = this.#ended.then(([code, signal]) => {
      throw new Error(`${this.#binary} ended before it was ready (${signal ?? code}):\n${this.log}`);
    });
    return within(startLimitMs, Promise.race([ready, ended]), () => `${this.#binary} was not ready in time:\n${this.log}`);
  }

  /** Asks the gateway to end, as an operator would; anything but exit code 0 is a failure. */
  async stop() {
    this.#child.kill('SIGTERM');
    let code, signal;
    try {
      [code, signal] = await within(stopLimitMs, this.#ended, () => `${this.#binary} did not stop in time:\n${this.log}`);
    } finally {
      this.#child.kill('SIGKILL');
    }
    if (code !== 0) throw new Error(`${this.#binary} ended with ${signal ?? code}:\n${this.log}`);
  }

  get process() {
    return this.#child.pid;
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Ends the gateway as a crash would. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Makes the gateway fall silent with its connections open, as a machine that hangs would. */
  pause() {
    this.#child.kill('SIGSTOP');
  }

  resume() {
    this.#child.kill('SIGCONT');
  }

  /** One redis-cli command at the bus; resolves with what it printed, without the line breaks at the end. */
  redisCli(...args) {
    return this.#redisCli(args);
  }

  /** The same with the last argument, any bytes, from standard input. */
  redisCliInput(input, ...args) {
    return this.#redisCli(['-x', ...args], input);
  }

  #redisCli(args, input) {
    return new Promise((resolve, reject) => {
      const child = execFile('redis-cli', ['-h', host, '-p', String(this.ports.bus), ...args],
        { timeout: commandLimitMs },
        (error, stdout, stderr) => {
          if (error) reject(new Error(`redis-cli ${args.join(' ')}: ${error.message}\n${stderr}`));
          else resolve(stdout.replace(/[\r\n]+$/, ''));
        });
      child.stdin.on('error', () => {});   // redis-cli may be gone before it has read everything; its exit code tells
      child.stdin.end(input);
    });
  }
}

async function untilReady(started) {
  try {
    await started.ready();
  } catch (error) {
    await started.kill().catch(() => {});
    throw error;
  }
  return started;
}

/**
 * Starts a gateway and waits until it is ready.
 * `ports`: {client, control, bus}, each 0 or absent for any free port; `flags`: more command line; `bus`: the URL of a
 * Redis that several gateways share, and then this one has no bus door; `dev`: whether who has no token may come; `program`: another
 * version than GATEWAY_BINARY; `command`: what stands before the flags.
 */
export const startGateway = ({ ports = {}, flags = [], bus, dev = true, program = binary, command = [] } = {}) =>
  untilReady(new Gateway(program, bus ? doorsWithoutBus : doors, ports,
    [...(dev ? ['--dev'] : []), ...(bus ? ['--bus', bus] : []), ...flags], command));

/** A process of the gateway's program that the test looks after itself. */
export const launchCarillon = (...words) => spawn(binary, words, { stdio: 'ignore' });

/** Runs `carillon ARGUMENTS` to its end: {code, stdout, stderr}. */
export const runCarillon = (...args) => new Promise((resolve) => {
  execFile(binary, args, { timeout: commandLimitMs }, (error, stdout, stderr) => {
    resolve({ code: error ? error.code : 0, stdout, stderr });
  });
});

/** Starts a carillon-bus, which has no client port, and waits until it is ready. */
export const startBus = ({ ports = {}, flags = [] } = {}) => untilReady(new Gateway(busBinary, doorsOfBus, ports, flags));

let channels = 0;

/** A channel that no other test uses. */
export const freshChannel = () => `mail:test-${process.pid}-${++channels}`;

/** The queue of several kinds of events: each its name and what it brought. */
export function keepNamedEvents(emitter, ...names) {
  const arrived = [], waiting = [];
  for (const name of names) {
    emitter.on(name, (context) => {
      if (waiting.length) waiting.shift()({ name, context });
      else arrived.push({ name, context });
    });
  }
  return { next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))) };
}

/** Keeps each `event` of `emitter` until somebody asks for it: `await events.next()`. */
export function keepEvents(emitter, event) {
  const arrived = [];
  const waiting = [];
  emitter.on(event, (value) => {
    if (waiting.length) waiting.shift()(value);
    else arrived.push(value);
  });
  return {
    next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
    take: async function (count) {
      const taken = [];
      while (taken.length < count) taken.push(await this.next());
      return taken;
    },
    get unread() {
      return arrived.length;
    },
  };
}
