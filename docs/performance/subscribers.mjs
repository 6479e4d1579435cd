// Connections that subscribe to a channel of a Redis-like server and read all they get, until this program is ended.
//
//   node docs/performance/subscribers.mjs PORT COUNT CHANNEL
//
// Says "ready" when all of them are confirmed.
import { connect } from 'node:net';

const [port, count, channel] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const confirmed = [];
for (let i = 0; i < count; ++i) {
    const socket = connect(port, '127.0.0.1', () => socket.write(`SUBSCRIBE ${channel}\r\n`));
    confirmed.push(new Promise((resolve) => socket.once('data', resolve)));
    socket.resume();
    socket.on('error', () => process.exit(1));
}
await Promise.all(confirmed);
console.log('ready');
