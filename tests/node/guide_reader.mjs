// Reads a page of docs/guide as somebody does who types it in: writes its files, runs its commands, compares what they print.
// The info string of a fenced block says what it is:
//   LANGUAGE file=NAME   a file
//   sh run               commands that end; an `expect` block behind them is all that they print
//   sh gateway           the command of the gateway; a gateway that runs already is stopped first
//   sh background        a program that goes on; what these print is in `heard` blocks
//   sh install           packages, which are those of tests/node
//   LANGUAGE elsewhere   what no test can run, and the page says so
//   LANGUAGE expect, LANGUAGE heard   "..." stands for anything within a line
// The lines of one program are heard in their order; those of several programs may come in any.
// and <!-- open URL --> opens that page, whose scripts run with just enough of a browser (guide_browser.mjs).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const binary = process.env.GATEWAY_BINARY ?? join(here, '../../build/release/app/carillon');
const limitMs = 60_000;   // a machine may have much else to do
/** What the pages use, each replaced by a free one: clients, control, bus door, the reader's own back end; two gateways, a Redis, a balancer. */
const portsOfPages = [8000, 9000, 6390, 3000, 8001, 9001, 8002, 9002, 6379, 8080];

/** Every fenced block and every comment that opens a page: {line, language, how, text}; `how` is empty where nothing is said. */
export function blocksOf(markdown) {
  const blocks = [];
  const pattern = /^(`{3,})(\S*)[ \t]*(.*)\n([\s\S]*?)^\1[ \t]*$|^<!-- open (\S+) -->$/gm;
  for (const { index, 2: language, 3: how, 4: text, 5: url } of markdown.matchAll(pattern)) {
    const line = markdown.slice(0, index).split('\n').length;
    blocks.push(url ? { line, language: '', how: 'open', text: url } : { line, language, how: how.trim(), text });
  }
  return blocks;
}

/** Whether `printed` is what the page says. */
export function fits(printed, expected) {
  const parts = expected.trimEnd().split('...').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed.trimEnd());
}

async function freePort() {
  for (;;) {   // below those that the kernel gives to connections, which might come in between
    const server = createServer().listen(12_000 + Math.floor(Math.random() * 18_000), '::');
    const free = await Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]);
    const { port } = server.address() ?? {};
    server.close();
    if (free) return port;
  }
}

/** A program that goes on until it is stopped. `lines` is what it has printed, also on standard error; `told()` is called for each. */
class Program {
  lines = [];
  #child;
  #ended;

  constructor(command, options, told) {
    this.#child = spawn('bash', ['-c', `exec ${command}`], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const reap = () => this.#child.kill('SIGKILL');
    process.once('exit', reap);
    this.#ended = once(this.#child, 'close').finally(() => process.off('exit', reap));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        told();
      });
    }
  }

  async stop() {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

export class Reader {
  #folder;
  #ports;
  #options;
  #door;
  #gateway;
  #programs = [];
  #printed;
  #wake = () => {};

  /** A reader whose files are in `folder`; pages that are read one after another find those of the pages before. */
  static async at(folder) {
    const ports = new Map();
    for (const port of portsOfPages) ports.set(String(port), String(await freePort()));
    return new Reader(folder, ports);
  }

  constructor(folder, ports) {
    this.#folder = folder;
    this.#ports = ports;
    mkdirSync(join(folder, 'bin'));
    symlinkSync(binary, join(folder, 'bin', 'carillon'));
    symlinkSync(join(here, 'node_modules'), join(folder, 'node_modules'));
    this.#options = {
      cwd: folder,
      env: {
        ...process.env,
        PATH: [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
        NODE_OPTIONS: `--import ${new URL('guide_browser.mjs', import.meta.url)}`,
        CARILLON_CLIENT_LISTEN: `localhost:${ports.get('8000')}`,
        CARILLON_CONTROL_LISTEN: `localhost:${ports.get('9000')}`,
      },
    };
    this.#door = { CARILLON_BUS_LISTEN: `127.0.0.1:${ports.get('6390')}` }; // which a gateway on a bus outside has not
  }

  #here(text) {
    return text.replace(/\b\d{4}\b/g, (port) => this.#ports.get(port) ?? port);
  }

  /** Resolves when `looks()` is true; it is asked again after each line of a program. `what()` says what was waited for. */
  async #until(looks, what) {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.#wake();
    }, limitMs);
    while (!looks()) {
      assert.ok(!over, what());
      await new Promise((resolve) => { this.#wake = resolve; });
    }
    clearTimeout(timer);
  }

  #start(command) {
    const program = new Program(command, this.#options, () => this.#wake());
    this.#programs.push(program);
    return program;
  }

  #unheard() {
    return this.#programs.flatMap((each) => each.lines);
  }

  /** Takes the line from the program that has it next. */
  async #hear(line) {
    let program;
    await this.#until(() => (program = this.#programs.find(({ lines }) => lines.length && fits(lines[0], line))),
      () => `nobody says:\n${line}\nbut:\n${this.#unheard().join('\n')}`);
    program.lines.shift();
  }

  #steps = {
    file: (text, name) => writeFileSync(join(this.#folder, name), text),

    run: (text) => new Promise((resolve, reject) => {
      execFile('bash', ['-e', '-o', 'pipefail', '-c', text], { ...this.#options, timeout: limitMs }, (error, stdout, stderr) => {
        this.#printed = stdout;
        if (error) reject(new Error(`${text}${stdout}${stderr}`));
        else resolve();
      });
    }),

    expect: (text) => {
      assert.ok(fits(this.#printed, text), `printed:\n${this.#printed}\nthe page says:\n${text}`);
      this.#printed = undefined;
    },

    gateway: async (text) => {
      await this.#gateway?.stop();
      const gateway = new Program(text, { ...this.#options, env: { ...this.#options.env, ...this.#door } }, () => this.#wake());
      this.#gateway = gateway;
      await this.#until(() => gateway.lines.some((line) => / is ready: /.test(line)), () => gateway.lines.join('\n'));
    },

    background: (text) => this.#start(text),

    heard: async (text) => {
      for (const line of text.trimEnd().split('\n')) await this.#hear(line);
    },

    install: (text) => {
      const has = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')).devDependencies;
      const packages = /^npm install ([a-z -]+)\n$/.exec(text)?.[1].split(' ') ?? [];
      assert.ok(packages.length && packages.every((name) => has[name]), `not in tests/node/package.json: ${text}`);
    },

    elsewhere: () => {},

    open: (url) => this.#start(`node ${join(here, 'guide_browser.mjs')} ${url}`),
  };

  /** One block, as `blocksOf` has it. */
  async take({ how, text }) {
    const [, step, name] = /^(\w+)(?:=([\w.-]+))?$/.exec(how) ?? [];
    assert.ok(Object.hasOwn(this.#steps, step ?? ''), `it is not said how this block is run: "${how}"`);
    assert.equal(name !== undefined, step === 'file', `"${how}"`);
    await this.#steps[step](this.#here(text), name);
  }

  /** The end of a page: its programs are stopped, and must not have said more than the page says. */
  async turn() {
    const unheard = this.#unheard();
    const programs = [...this.#programs.splice(0), this.#gateway];
    this.#gateway = undefined;
    await Promise.all(programs.map((each) => each?.stop()));
    assert.deepEqual(unheard, []);
  }
}
