// A WebSocket server on uWebSockets, for docs/performance/measure.sh. Needs Node 16, 18 or 20.
//
//   node server.mjs HOST PORT
//
// It says as much of the Centrifuge protocol as the load generator needs: connect and subscribe; what those say is read in JavaScript.
// Published is with POST /api/publish {"channel":...,"data":...} on the same port; the deliveries are all uWebSockets' own (C++). It
// sends no pings, has no time-outs and asks nobody who he is.
import { createRequire } from 'node:module';

// The package is wherever this is run from: measure.sh installs it below build/.
const uws = createRequire(`${process.cwd()}/`)('@trufflesuite/uws-js-unofficial');
// Without a library for this Node the package would go on in JavaScript, and something else would be measured.
if (!String(uws.App).includes('[native code]')) throw new Error(`there is no uWebSockets for Node ${process.version} here`);

const [host, port] = [process.argv[2], Number(process.argv[3])];
const publicationBytesMax = 1 << 20;
const queueBytesMax = 1 << 20;
let clients = 0;

function answer(socket, { id, connect, subscribe }) {
  if (connect) return `{"id":${id},"connect":{"client":"${++clients}","version":"uWebSockets"}}`;
  if (!subscribe) return `{"id":${id},"error":{"code":108,"message":"not available"}}`;
  socket.subscribe(subscribe.channel);
  return `{"id":${id},"subscribe":{}}`;
}

function publish(body) {
  const { channel, data } = JSON.parse(body);
  app.publish(channel, JSON.stringify({ push: { channel, pub: { data } } }));
}

const app = uws.App();
app.ws('/connection/websocket', {
  compression: uws.DISABLED,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  maxPayloadLength: 65536,
  maxBackpressure: queueBytesMax,
  closeOnBackpressureLimit: true,
  message(socket, message) {
    const commands = Buffer.from(message).toString().split('\n').map((line) => JSON.parse(line));
    const replies = commands.filter((command) => command.id).map((command) => answer(socket, command));
    if (replies.length > 0) socket.send(replies.join('\n'));
  },
});
app.post('/api/publish', (response) => {
  let body = '';
  response.onAborted(() => {});
  response.onData((part, isLast) => {
    body += Buffer.from(part).toString();
    if (body.length > publicationBytesMax) return response.close();
    if (!isLast) return;
    publish(body);
    response.end('{"result":{}}');
  });
});
app.listen(host, port, (listening) => {
  if (listening) return;
  console.error(`${host}:${port} is taken`);
  process.exit(1);
});
