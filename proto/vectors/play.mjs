// Plays the conversations of this folder with a running gateway: node play.mjs [url]. Exit code 1 when one differs.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const here = new URL('.', import.meta.url);
const WebSocket = createRequire(new URL('../../tests/node/package.json', here))('ws');
const url = process.argv[2] ?? 'ws://localhost:8000/connection/websocket';
const limitMs = 5_000;
let vectors = 0;
let failed = 0;

/** `actual` with what the vector leaves open put in, so that the two can be compared. */
function likened(actual, expected, key) {
  if (expected === '*' && typeof actual === 'string') return '*';
  if (key === 'ping' && typeof expected === 'number' && typeof actual === 'number') return expected;
  if (actual === null || expected === null || typeof actual !== 'object' || typeof expected !== 'object') return actual;
  if (Array.isArray(actual)) return actual.map((value, index) => likened(value, expected[index]));
  return Object.fromEntries(Object.entries(actual).map(([name, value]) => [name, likened(value, expected[name], name)]));
}

// The reply to a publish and the publication itself are on their way apart; all else has one order.
const orders = [(object) => 'id' in object, (object) => !('publish' in object)];

async function play(vector) {
  const own = `vector-${process.pid}-${++vectors}`;
  const { send, expect, close } = JSON.parse(JSON.stringify(vector).replaceAll('@', own));
  const socket = new WebSocket(url);
  const heard = [];
  let ended = null;
  let wake = () => {};
  const until = async (condition, what) => {
    const tooLate = Date.now() + limitMs;
    while (!condition()) {
      const left = tooLate - Date.now();
      assert.ok(left > 0, `waited in vain for ${what}; heard ${JSON.stringify(heard)}`);
      let timer;
      await new Promise((resolve) => { wake = resolve; timer = setTimeout(resolve, left); });
      clearTimeout(timer);
    }
  };
  socket.on('error', () => {});
  socket.on('open', () => wake());
  socket.on('message', (data) => { heard.push(...String(data).split('\n').map((line) => JSON.parse(line))); wake(); });
  socket.on('close', (code, reason) => { ended = { code, reason: String(reason) }; wake(); });
  try {
    await until(() => socket.readyState === WebSocket.OPEN || ended, 'the connection');
    let expected = [];
    for (const [index, message] of send.entries()) {
      socket.send(message);
      expected = expected.concat(expect[index] ?? []);
      await until(() => heard.length >= expected.length || ended, `the answer to ${message}`);
    }
    if (close) {
      await until(() => ended, 'the end');
    } else {
      // One command more: what was not to be heard would have come before its reply.
      socket.send(JSON.stringify({ id: 4_000_000_000, unsubscribe: { channel: own } }));
      await until(() => ended || heard.at(-1)?.id === 4_000_000_000, 'the last reply');
      heard.pop();
    }
    for (const belongs of orders) {
      const [was, should] = [heard.filter(belongs), expected.filter(belongs)];
      assert.deepEqual(likened(was, should), should);
    }
    assert.deepEqual(ended, close ?? null);
  } finally {
    socket.terminate();
  }
}

const conversations = readdirSync(here).filter((name) => name.endsWith('.json') && name !== 'messages.json').sort();
for (const file of conversations) {
  for (const vector of JSON.parse(readFileSync(new URL(file, here)))) {
    try {
      await play(vector);
    } catch (error) {
      ++failed;
      console.error(`${file}: ${vector.name}\n${error.message}\n`);
    }
  }
}
console.log(`${vectors} vectors, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
