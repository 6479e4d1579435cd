// A steady load through two gateways, and what became of it.
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Centrifuge } from '../../node/node_modules/centrifuge/build/index.mjs';
import WebSocket from '../../node/node_modules/ws/wrapper.mjs';

export const apiKey = 'open-sesame';
const perS = { kept: 200, plain: 50 };
const channelsOfEach = 6;
const names = (kind) => Array.from({ length: channelsOfEach }, (_, i) => `${kind}${i}`);
export const kept = names('kept-'), plain = names('plain:');

export const configuration = `
api_key = "${apiKey}"
anonymous = true
[[namespace]]
subscribe = ["anonymous"]
history_size = 10000
history_ttl_s = 300
recovery = "stream"
[[namespace]]
name = "plain"
subscribe = ["anonymous"]
`;

// Of all back ends together: more wait for their turn, as they would in a pool of connections.
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One call of the server API; {} if there is no answer. */
const call = (gateway, method, params) => new Promise((resolve) => {
  const asked = request(`http://127.0.0.1:${gateway.ports.control}/api/${method}`, { agent, method: 'POST', timeout: 10_000, headers: { 'X-API-Key': apiKey } },
    async (answer) => {
      let text = '';
      try {
        for await (const part of answer) text += part;
        resolve(JSON.parse(text));
      } catch {
        resolve({});
      }
    });
  asked.on('timeout', () => asked.destroy()).on('error', () => resolve({}));
  asked.end(JSON.stringify(params));
});

/** A client that hears all channels; `where()` says of which gateway, each time that it connects. */
export class Listener {
  heard = new Map(kept.concat(plain).map((name) => [name, new Map()])); // number -> how often
  toldAt = new Map(kept.map((name) => [name, []])); // where the stream stood when it was told that something is missing
  outOfOrder = 0;

  constructor(where) {
    class BalancedSocket extends WebSocket {
      constructor(url, ...more) { super(where().socketUrl, ...more); }
    }
    this.made = new Centrifuge(where().socketUrl, { websocket: BalancedSocket, minReconnectDelay: 50, maxReconnectDelay: 500 });
    this.subscriptions = kept.concat(plain).map((name) => this.#listen(name));
    this.made.connect();
  }

  #listen(name) {
    const its = this.made.newSubscription(name, { minResubscribeDelay: 50, maxResubscribeDelay: 500 });
    const counts = this.heard.get(name);
    let last = 0;
    its.on('publication', ({ data, offset }) => {
      if (!Number.isInteger(data)) return; // it belongs to a fault
      counts.set(data, (counts.get(data) ?? 0) + 1);
      if (offset === undefined) return;
      if (offset <= last) ++this.outOfOrder;
      last = offset;
    });
    its.on('subscribed', ({ wasRecovering, recovered, streamPosition }) => {
      if (!wasRecovering || recovered) return;
      this.toldAt.get(name).push(streamPosition);
      last = 0;
    });
    its.on('unsubscribed', ({ code, reason }) => { if (code !== 0) console.error(`unsubscribed from ${name}: ${code} ${reason}`); });
    its.subscribe();
    return its;
  }

  ready() { return Promise.all(this.subscriptions.map((each) => each.ready(20_000))); }
  get told() { return [...this.toldAt.values()].reduce((sum, each) => sum + each.length, 0); }
}

/** Publishes until it is stopped, by turns through the gateways that there are. */
export class Load {
  acknowledged = new Map(kept.concat(plain).map((name) => [name, new Set()]));
  asked = { kept: 0, plain: 0 };
  #gateways;
  #timer;
  #patient = true;

  constructor(gateways) {
    this.#gateways = gateways;
    const begun = Date.now();
    const due = (kind) => this.asked[kind] < (Date.now() - begun) * perS[kind] / 1_000;
    this.#timer = setInterval(() => { // as many as are due: a machine that is busy does not make it less
      while (due('kept')) this.#keep(this.asked.kept++);
      while (due('plain')) this.#say(this.asked.plain++);
    }, 5);
  }

  #publish(turn, params) {
    const all = this.#gateways();
    return call(all[turn % all.length], 'publish', params);
  }

  // A back end that gets no answer asks again, with the same key.
  async #keep(n) {
    const channel = kept[n % kept.length];
    for (let attempt = 0; this.#patient; ++attempt) {
      const { result } = await this.#publish(n + attempt, { channel, data: n, idempotency_key: `n-${n}` });
      if (result) return this.acknowledged.get(channel).add(n);
      await delay(Math.min(1_000, 50 * 2 ** attempt));
    }
  }

  // Once: a bare PUBLISH is made at most once.
  async #say(n) {
    const channel = plain[n % plain.length];
    const { result } = await this.#publish(n, { channel, data: n });
    if (result) this.acknowledged.get(channel).add(n);
  }

  /** No more are begun; what waits for its answer has three seconds. */
  async stop() {
    clearInterval(this.#timer);
    await delay(3_000);
    this.#patient = false;
    await delay(500);
  }
}

/** What the server keeps of a channel: number -> offset; and the epoch. */
async function survivors(gateway, channel) {
  const found = new Map();
  for (let since; ;) {
    const { result, error } = await gateway.api('history', { channel, limit: -1, ...since && { since } }, apiKey);
    if (error) throw new Error(`history of ${channel}: ${error.message}`);
    for (const { data, offset } of result.publications) found.set(data, offset);
    const last = result.publications.at(-1);
    if (!last || last.offset === result.offset) return { found, epoch: result.epoch };
    since = { offset: last.offset, epoch: result.epoch };
  }
}

/** The row of a table. */
export async function account(load, listeners, gateway) {
  const sum = { acknowledged: 0, gone: 0, lost: 0, toldOf: 0, doubled: 0, outOfOrder: 0, told: 0, plain: 0, plainLost: 0 };
  for (const channel of kept) {
    const { found, epoch } = await survivors(gateway, channel);
    const acknowledged = load.acknowledged.get(channel);
    sum.acknowledged += acknowledged.size;
    for (const n of acknowledged) if (!found.has(n)) ++sum.gone;
    for (const each of listeners) {
      const heard = each.heard.get(channel);
      const knows = Math.max(0, ...each.toldAt.get(channel).filter((at) => at.epoch === epoch).map(({ offset }) => offset));
      for (const [n, offset] of found) {
        if (heard.has(n) || !acknowledged.has(n)) continue;
        if (offset <= knows) ++sum.toldOf;
        else ++sum.lost;
      }
      for (const [n, count] of heard) if (count > 1 && found.has(n)) ++sum.doubled;
    }
  }
  for (const channel of plain) {
    sum.plain += load.acknowledged.get(channel).size;
    for (const each of listeners)
      for (const n of load.acknowledged.get(channel)) if (!each.heard.get(channel).has(n)) ++sum.plainLost;
  }
  for (const each of listeners) {
    sum.outOfOrder += each.outOfOrder;
    sum.told += each.told;
  }
  return sum;
}
