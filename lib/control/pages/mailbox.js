// The demo mailbox. It speaks the Centrifuge client protocol v2 (JSON over a WebSocket) by itself, so that
// what an application has to do can be read here from end to end: `Line` is the client, the rest is the page.

const reconnectMinMs = 500;
const reconnectMaxMs = 20_000;
const replyTimeoutMs = 5_000;
const openTimeoutMs = 10_000;
const pingGraceMs = 10_000;      // a server ping may be this late before the line counts as dead
const mailsMax = 200;

/** Full jitter: after a restart of the gateway its clients come back spread over time, not all at once. */
const reconnectDelay = (attempt) =>
  Math.min(reconnectMaxMs, reconnectMinMs + Math.random() * Math.min(reconnectMaxMs, reconnectMinMs * 2 ** attempt));

/** Close codes that ask the client to stay away. 1009: what was too big once will be too big again. */
const isTerminalClose = (code) =>
  code === 1009 || (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);

/** What the gateway answered instead of a result, or why there is no answer. */
class CallError extends Error {
  constructor({ code = 0, message = 'no reason given', temporary = false }) {
    super(code ? `${message} (${code})` : message);
    this.isTerminal = code >= 100 && !temporary;
  }
}

/**
 * One subscription over one WebSocket that comes back by itself.
 * `onState(state, detail)`: connecting | connected {missed, gap} | waiting {until, reason} | refused {reason}.
 * Where a channel keeps a history, `missed` publications came while the line was down; with a `gap` not all are kept.
 * `onPublication(publication)`: `data` is any JSON value.
 */
class Line {
  #url;
  #channel;
  #onState;
  #onPublication;
  #socket = null;        // the socket in use; events of any other are of the past
  #calls = new Map();    // command id -> {resolve, reject, timer}
  #lastId = 0;
  #attempt = 0;
  #retryTimer = 0;
  #silenceTimer = 0;
  #silenceMaxMs = 0;     // 0: the gateway sends no pings, so silence says nothing
  #answersPings = false;
  #place = null;         // {offset, epoch} of the last publication, where the channel keeps a history

  constructor(url, channel, { onState, onPublication }) {
    this.#url = url;
    this.#channel = channel;
    this.#onState = onState;
    this.#onPublication = onPublication;
  }

  open() {
    if (this.#socket) return;
    clearTimeout(this.#retryTimer);
    this.#onState('connecting');
    const socket = new WebSocket(this.#url);
    const current = (handler) => (event) => { if (socket === this.#socket) handler(event); };
    this.#socket = socket;
    this.#silenceMaxMs = openTimeoutMs;
    this.#heard();
    socket.onopen = current(() => this.#greet(socket));
    socket.onmessage = current(({ data }) => this.#receive(data));
    socket.onclose = current(({ code, reason }) => {
      this.#hangUp(reason || (code === 1006 ? 'connection lost' : `closed with ${code}`), isTerminalClose(code));
    });
  }

  /** The network is gone, which the socket itself would notice much later. */
  drop() {
    if (this.#socket) this.#hangUp('offline', false);
  }

  /** Resolves with the result; rejects with CallError. */
  publish(channel, data) {
    return this.#call('publish', { channel, data });
  }

  async #greet(socket) {
    try {
      await this.#call('connect', { name: 'mailbox' });
      const joined = await this.#call('subscribe', { channel: this.#channel, ...this.#place && { recover: true, ...this.#place } });
      if (socket !== this.#socket) return;   // lost again in the same message that brought the reply
      this.#attempt = 0;
      this.#onState('connected', joined);
    } catch (error) {
      if (socket === this.#socket) this.#hangUp(error.message, error.isTerminal);
    }
  }

  #call(method, parameters) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) {
        reject(new CallError({ message: 'not connected' }));
        return;
      }
      const id = ++this.#lastId;
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        reject(new CallError({ message: 'no answer in time' }));
      }, replyTimeoutMs);
      this.#calls.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ id, [method]: parameters }));
    });
  }

  /** One WebSocket message carries one or more JSON objects, one a line. */
  #receive(text) {
    this.#heard();
    let replies;
    try {
      replies = text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    } catch {
      this.#hangUp('unreadable message', false);
      return;
    }
    for (const reply of replies) this.#take(reply);
  }

  #take(reply) {
    if (reply.id) {
      if (reply.connect) this.#agree(reply.connect);
      this.#settle(reply);
    } else if (reply.push) {
      const { channel, pub, unsubscribe } = reply.push;
      if (channel !== this.#channel) return;
      if (pub) this.#deliver(pub);
      // From 2500 on the gateway lost its place in the stream, and a fresh subscription mends it.
      if (unsubscribe) this.#hangUp(unsubscribe.reason || 'unsubscribed', unsubscribe.code < 2500);
    } else if (this.#answersPings) {
      this.#socket?.send('{}');
    }
  }

  #deliver(publication) {
    if (publication.offset && this.#place) this.#place.offset = publication.offset;
    this.#onPublication(publication);
  }

  /** Also at once: the next publication may follow in the same message, and comes after those that were missed. */
  #join({ recoverable, offset = 0, epoch, publications = [], recovered = false }) {
    const gap = this.#place !== null && !recovered;
    for (const each of publications) this.#onPublication(each);
    this.#place = recoverable ? { offset: Math.max(offset, publications.at(-1)?.offset ?? 0), epoch } : null;
    return { missed: publications.length, gap };
  }

  /** At once, not where the call is awaited: a ping may follow in the same message. */
  #agree({ ping = 0, pong = false }) {
    this.#answersPings = pong;
    this.#silenceMaxMs = ping ? ping * 1000 + pingGraceMs : 0;
    this.#heard();
  }

  #settle({ id, error, ...results }) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error) call.reject(new CallError(error));
    else if (results.subscribe) call.resolve(this.#join(results.subscribe));
    else call.resolve(Object.values(results)[0] ?? {});
  }

  /** Any data proves that the line lives, not only a ping. */
  #heard() {
    clearTimeout(this.#silenceTimer);
    if (this.#silenceMaxMs) {
      this.#silenceTimer = setTimeout(() => this.#hangUp('no ping', false), this.#silenceMaxMs);
    }
  }

  /** Lets go of the socket without waiting for it: a dead one would take minutes to admit it. */
  #hangUp(reason, isTerminal) {
    const socket = this.#socket;
    this.#socket = null;
    this.#answersPings = false;
    clearTimeout(this.#silenceTimer);
    socket?.close();
    for (const { reject, timer } of this.#calls.values()) {
      clearTimeout(timer);
      reject(new CallError({ message: reason }));
    }
    this.#calls.clear();
    if (isTerminal) {
      this.#onState('refused', { reason });
      return;
    }
    const delay = reconnectDelay(this.#attempt++);
    this.#retryTimer = setTimeout(() => this.open(), delay);
    this.#onState('waiting', { until: Date.now() + delay, reason });
  }
}

// The page.

const at = (id) => document.getElementById(id);

/** An element with text. Whatever came over the wire enters the document only through here, as text. */
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A string as it is, other JSON on one line while that stays readable. */
function asText(value) {
  if (typeof value === 'string') return value;
  const line = JSON.stringify(value);
  return line.length <= 60 ? line : JSON.stringify(value, null, 2);
}

/** Splits a payload of any shape into what a mail has and what else it brought. */
function readMail(data) {
  if (typeof data === 'string') return { text: data, others: [] };
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    return { others: [], json: asText(data) };
  }
  const { from, subject, text, body, ...rest } = data;
  // A payload with both keeps both: one as the text, the other among the fields.
  if (text !== undefined && body !== undefined) rest.body = body;
  const words = text ?? body;
  return {
    from: from === undefined ? undefined : asText(from),
    subject: subject === undefined ? undefined : asText(subject),
    text: words === undefined ? undefined : asText(words),
    others: Object.entries(rest),
  };
}

function showField([key, value]) {
  const row = element('div');
  row.append(element('dt', '', key), element('dd', '', asText(value)));
  row.lastChild.dir = 'auto';
  return row;
}

function showMail(mail, arrived) {
  const item = element('li', 'mail');
  const head = element('p', 'mail-head');
  const from = element('span', mail.from ? 'from' : 'from soft', mail.from || 'no sender');
  const time = element('time', '', arrived.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' }));
  from.dir = 'auto';
  time.dateTime = arrived.toISOString();
  head.append(from, time);
  item.append(head);
  const parts = [['h2', 'subject', mail.subject], ['p', 'text', mail.text], ['pre', 'json', mail.json]];
  for (const [name, className, text] of parts) {
    if (text === undefined) continue;
    const part = element(name, className, text);
    part.dir = name === 'pre' ? 'ltr' : 'auto';
    item.append(part);
  }
  if (mail.others.length) {
    const list = element('dl', 'others');
    list.append(...mail.others.map(showField));
    item.append(list);
  }
  return item;
}

/** The mails on the page, newest first, and the title that counts those nobody has looked at. */
class Inbox {
  #list = at('mails');
  #unread = 0;
  #toAnnounce = 0;

  add(publication) {
    const mail = readMail(publication.data);
    const item = showMail(mail, publication.time ? new Date(publication.time) : new Date());
    if (document.hidden || !document.hasFocus()) {
      item.classList.add('unread');
      this.#unread += 1;
    }
    this.#list.prepend(item);
    while (this.#list.childElementCount > mailsMax) this.#list.lastElementChild.remove();
    at('empty').hidden = true;
    this.#showCounts();
    this.#announce(mail);
    ring();
  }

  markRead() {
    this.#unread = 0;
    for (const item of this.#list.querySelectorAll('.unread')) item.classList.remove('unread');
    this.#showCounts();
  }

  #showCounts() {
    const count = this.#list.childElementCount;
    if (count) at('count').textContent = count === mailsMax ? `the last ${count}` : `${count} message${count === 1 ? '' : 's'}`;
    document.title = `${this.#unread ? `(${this.#unread}) ` : ''}${title}`;
  }

  /** A burst becomes one sentence: a screen reader that reads every mail of a flood says nothing of use. */
  #announce(mail) {
    const words = `from ${mail.from || 'no sender'}: ${mail.subject ?? mail.text ?? mail.json ?? 'no subject'}`.slice(0, 200);
    this.#toAnnounce += 1;
    if (this.#toAnnounce > 1) return;
    setTimeout(() => {
      at('news').textContent = this.#toAnnounce === 1 ? `New mail ${words}` : `${this.#toAnnounce} new mails, the first ${words}`;
      this.#toAnnounce = 0;
    }, 400);
  }
}

function ring() {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  const swing = [0, 14, -11, 7, -4, 0].map((degrees) => ({ transform: `rotate(${degrees}deg)` }));
  at('mark').animate(swing, { duration: 900, easing: 'ease-out' });
}

let countdown = 0;

function showState(state, { until, reason, missed = 0, gap = false } = {}) {
  const words = { connecting: 'Connecting', connected: 'Connected', waiting: 'Reconnecting', refused: `Refused: ${reason}` };
  clearInterval(countdown);
  at('line').dataset.state = state;
  at('state').textContent = words[state];
  at('detail').textContent = gap ? 'some mail is no longer kept' : missed ? `${missed} came meanwhile` : '';
  at('retry').hidden = state !== 'waiting' && state !== 'refused';
  at('retry').textContent = state === 'refused' ? 'Try again' : 'Try now';
  if (state !== 'waiting') return;
  // Beside the live region, not in it: nobody wants to hear each second.
  const tick = () => {
    at('detail').textContent = `in ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s (${reason})`;
  };
  tick();
  countdown = setInterval(tick, 250);
}

/** A word for the shell, quoted when it has to be. */
const shellWord = (word) => (/^[\w:.@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** Outside of a secure context there is no clipboard object; then the text is selected and copied the old way. */
async function copyText(source) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.textContent);
  } else {
    getSelection().selectAllChildren(source);
    if (!document.execCommand('copy')) throw new Error('the browser refused');
  }
}

function say(words, isError = false) {
  at('sent').textContent = words;
  at('sent').classList.toggle('error', isError);
}

const user = new URLSearchParams(location.search).get('user')?.trim() || 'demo';
const channel = `mail:${user}`;
const title = `${user} · Carillon`;
const inbox = new Inbox();
const line = new Line(
  `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/connection/websocket`,
  channel,
  { onState: showState, onPublication: (publication) => inbox.add(publication) },
);

document.title = title;
at('user').value = at('to').value = at('from').value = user;
at('owner').textContent = user;
at('channel').textContent = channel;
at('command').textContent = `redis-cli -p 6390 PUBLISH ${shellWord(channel)} '{"from":"bob","subject":"hi"}'`;
// On a phone the form would stand between the reader and the mail.
at('write').open = matchMedia('(min-width: 56rem)').matches;

at('copy').addEventListener('click', async () => {
  try {
    await copyText(at('command'));
    at('copy').textContent = 'Copied';
  } catch {
    at('copy').textContent = 'Not copied';
  }
  setTimeout(() => { at('copy').textContent = 'Copy'; }, 1_500);
});

at('compose').addEventListener('submit', async (event) => {
  event.preventDefault();
  const [to, from, subject, text] = ['to', 'from', 'subject', 'text'].map((id) => at(id).value.trim());
  say('Sending…');
  try {
    await line.publish(`mail:${to}`, { from, subject, ...(text && { text }) });
    say(`Sent to ${to}.`);
    at('subject').value = at('text').value = '';
  } catch (error) {
    say(`Not sent: ${error.message}.`, true);
  }
});

at('retry').addEventListener('click', () => line.open());
window.addEventListener('offline', () => line.drop());
window.addEventListener('online', () => { if (at('line').dataset.state === 'waiting') line.open(); });
window.addEventListener('focus', () => inbox.markRead());
document.addEventListener('visibilitychange', () => { if (!document.hidden) inbox.markRead(); });

line.open();
