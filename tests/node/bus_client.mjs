// A client and a back end of gateways whose bus goes away and comes back.
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { keepEvents } from './gateway.mjs';
import { until } from './redis_server.mjs';

const readyLimitMs = 10_000;
export const apiKey = 'open-sesame';

/** Wholly: also where one of several servers could be away. */
export const untilReady = (gateway) => until(async () => (await gateway.readiness()).body === 'ready\n', 'the gateway is ready');
export const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Publishes, again and again while the bus is away; the key makes that once. */
export const publish = (gateway, channel, data) => until(async () => {
  const answer = await gateway.api('publish', { channel, data, idempotency_key: `${data}` }, apiKey);
  return answer.result;
}, `${data} is published`);

export async function subscriber(t, gateway, name) {
  const made = new Centrifuge(gateway.socketUrl, { websocket: WebSocket });
  t.after(() => made.disconnect());
  made.connect();
  const subscription = made.newSubscription(name, { minResubscribeDelay: 5, maxResubscribeDelay: 50 });
  const seen = [];
  subscription.on('publication', ({ data }) => seen.push(data));
  const told = keepEvents(subscription, 'subscribed');
  subscription.subscribe();
  await subscription.ready(readyLimitMs);
  await told.next();
  return { name, subscription, seen, told, heard: (count) => until(() => seen.length >= count, `${count} were heard: ${seen}`) };
}
