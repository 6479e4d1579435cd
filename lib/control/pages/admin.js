// The admin page: asks the gateway by POST /admin/api/..., and shows what it says. Text from outside becomes text only.
'use strict';

const refreshMs = 2000;
const samplesMax = 60;
const channelsInAnswer = 100;
const publicationsShown = 100;
const $ = (id) => document.getElementById(id);

class LoggedOut extends Error {}

async function ask(what, body = '{}') {
  const answer = await fetch(`/admin/api/${what}`, { method: 'POST', headers: { 'X-Carillon-Admin': '1' }, body });
  const text = await answer.text();
  if (answer.status === 401 && what !== 'login') throw new LoggedOut();
  return { status: answer.status, text };
}

/** One command of the server API; throws what it is answered with. */
async function command(method, params = {}) {
  const { status, text } = await ask(method, JSON.stringify(params));
  if (status !== 200) throw new Error(text.trim());
  const { result, error } = JSON.parse(text);
  if (error) throw new Error(`${error.code} ${error.message}`);
  return result;
}

function element(name, text, more = {}) {
  return Object.assign(document.createElement(name), { textContent: text }, more);
}

const whole = (value) => Math.round(value).toLocaleString('en');
const several = (value, name) => `${whole(value)} ${name}${value === 1 ? '' : 's'}`;
function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  for (; value >= 1024 && at < units.length - 1; ++at) value /= 1024;
  return `${value < 10 && at ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}
function age(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

// --- login

function show(loggedIn) {
  $('page').hidden = !loggedIn;
  $('login').hidden = loggedIn;
  if (!loggedIn) $('password').focus();
}

$('login-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { status, text } = await ask('login', $('password').value).catch((error) => ({ status: 0, text: String(error) }));
  $('login-error').textContent = status === 200 ? '' : text.trim();
  $('password').value = '';
  if (status === 200) refresh();
});

$('logout').addEventListener('click', async () => {
  stopWatching();
  await ask('logout').catch(() => {});
  show(false);
});

// --- overview

/** The sum of each metric over its shards and labels; of connections, those of clients. */
function sumsOf(text) {
  const sums = new Map();
  for (const [, name, labels = '', value] of text.matchAll(/^(\w+)(\{.*\})? (\S+)/gm)) {
    if (!labels.includes('kind="resp"')) sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

const tiles = [
  { name: 'Connections', value: (m) => m.get('carillon_connections_open'), note: (m) => `of ${whole(m.get('carillon_connections_limit') ?? 0)}` },
  { name: 'New connections a second', rate: 'carillon_connections_accepted_total' },
  { name: 'Publications a second', rate: 'carillon_publications_total' },
  { name: 'Deliveries a second', rate: 'carillon_deliveries_total' },
  { name: 'Channels', value: (m) => m.get('carillon_channels') },
  { name: 'Subscriptions', value: (m) => m.get('carillon_subscriptions') },
  { name: 'Memory', value: (m) => m.get('process_resident_memory_bytes'), form: bytes },
  { name: 'CPU', rate: 'process_cpu_seconds_total', form: (value) => `${Math.round(100 * value)} %` },
  { name: 'Waiting for slow clients', value: (m) => m.get('carillon_outbox_bytes'), form: bytes },
  { name: 'Kept for recovery', value: (m) => m.get('carillon_stream_bytes'), form: bytes },
];
const samples = [];

function warningsOf(now, before, readyz) {
  const said = [];
  const grew = (name) => (now.sums.get(name) ?? 0) - (before?.sums.get(name) ?? now.sums.get(name) ?? 0);
  if (readyz.status !== 200) said.push(`Not ready: ${readyz.text.trim()}`);
  const open = now.sums.get('carillon_connections_open') ?? 0;
  const limit = now.sums.get('carillon_connections_limit') ?? Infinity;
  if (open > 0.9 * limit) said.push(`${whole(open)} of ${whole(limit)} connections are taken.`);
  const files = now.sums.get('process_open_fds') ?? 0;
  const filesMax = now.sums.get('process_max_fds') ?? Infinity;
  if (files > 0.9 * filesMax) said.push(`${whole(files)} of ${whole(filesMax)} descriptors are open.`);
  if (now.sums.get('carillon_upstream_up') === 0) said.push('The bus is away: what is published does not reach other gateways.');
  if ((now.sums.get('carillon_outward_broken') ?? 0) > 0) said.push('An application does not answer, and is left alone for a while.');
  if (grew('carillon_log_lines_dropped_total') > 0) said.push('Lines of the log are dropped: nobody reads it fast enough.');
  if (grew('carillon_slow_consumers_total') > 0) said.push('Clients are disconnected because they read too slowly.');
  return said;
}

function tileOf({ name, value, rate, form = whole, note }) {
  const now = samples.at(-1);
  const series = samples.map((each, i) => {
    if (!rate) return value(each.sums) ?? 0;
    const last = samples[i - 1];
    return last ? Math.max(0, ((each.sums.get(rate) ?? 0) - (last.sums.get(rate) ?? 0)) / ((each.at - last.at) / 1000)) : undefined;
  }).filter((each) => each !== undefined);
  const tile = element('div', '', { className: 'tile' });
  const shown = element('dd', series.length ? form(series.at(-1)) : '–');
  shown.append(element('small', note?.(now.sums) ?? ''));
  const most = Math.max(...series, 1e-9);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 59 20');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute('points', series.map((each, i) => `${samplesMax - series.length + i},${19 - 18 * each / most}`).join(' '));
  svg.append(line);
  tile.append(element('dt', name), shown);
  shown.append(svg);
  return tile;
}

function showOverview(readyz, info) {
  const now = samples.at(-1);
  $('tiles').replaceChildren(...tiles.map(tileOf));
  const said = warningsOf(now, samples.at(-2), readyz);
  const texts = [...$('warnings').children].map((each) => each.textContent);
  if (texts.join('\n') !== said.join('\n')) $('warnings').replaceChildren(...said.map((each) => element('li', each)));
  $('state').textContent = readyz.status === 200 ? 'Ready' : 'Not ready';
  $('state').dataset.well = readyz.status === 200 ? 'yes' : 'no';
  const node = info.nodes?.[0];
  if (!node) return;
  $('version').textContent = node.version;
  $('node').textContent = `${node.name}, up for ${age(node.uptime)}`;
}

let timer;
async function refresh() {
  clearTimeout(timer);
  try {
    const [metrics, readyz, info] = await Promise.all([ask('metrics'), ask('readyz'), command('info')]);
    samples.push({ at: performance.now(), sums: sumsOf(metrics.text) });
    if (samples.length > samplesMax) samples.shift();
    if ($('page').hidden) {
      show(true);
      route();
    }
    $('trouble').textContent = '';
    showOverview(readyz, info);
  } catch (error) {
    if (error instanceof LoggedOut) {
      stopWatching();
      return show(false);
    }
    $('trouble').textContent = `The gateway does not answer: ${error.message}`;
    $('state').textContent = 'Not reached';
    $('state').dataset.well = 'no';
  }
  timer = setTimeout(refresh, refreshMs);
}

// --- channels

let lastChannel = '';
async function listChannels(after) {
  const pattern = $('pattern').value.trim();
  const params = { limit: channelsInAnswer };
  if (pattern) params.pattern = pattern;
  if (after) params.after = after;
  try {
    const { channels, more } = await command('channels', params);
    const names = Object.keys(channels);
    const rows = names.map((name) => {
      const row = element('tr', '');
      const cell = element('td', '');
      cell.append(element('a', name, { href: `#channel=${encodeURIComponent(name)}` }));
      row.append(cell, element('td', whole(channels[name].num_clients), { className: 'number' }));
      return row;
    });
    if (after) $('channel-rows').append(...rows);
    else $('channel-rows').replaceChildren(...rows);
    lastChannel = names.at(-1) ?? '';
    $('channels-more').hidden = !(more ?? names.length === channelsInAnswer);
    const shown = $('channel-rows').children.length;
    $('channels-note').textContent = shown ? `${whole(shown)} shown, by name.` : 'No such channel has a subscriber.';
  } catch (error) {
    $('channels-note').textContent = error instanceof LoggedOut ? '' : error.message;
  }
}
$('channels-form').addEventListener('submit', (event) => {
  event.preventDefault();
  listChannels();
});
$('channels-more').addEventListener('click', () => listChannels(lastChannel));

// --- one channel

let watching;
function stopWatching() {
  if (watching) clearTimeout(watching.timer);
  watching = undefined;
  $('unwatch').hidden = true;
}

function showPublications(added) {
  $('publications').prepend(...added.map(({ offset, data, info }) => {
    const row = element('li', '');
    row.append(element('b', `${offset}`), element('span', `${info?.user ? `${info.user}: ` : ''}${JSON.stringify(data)}`));
    return row;
  }).reverse());
  while ($('publications').children.length > publicationsShown) $('publications').lastChild.remove();
}

async function look(mine) {
  const { channel, since } = mine;
  try {
    const params = since ? { channel, limit: publicationsShown, since } : { channel, limit: publicationsShown, reverse: true };
    const { publications = [], offset, epoch } = await command('history', params);
    if (watching !== mine) return;
    showPublications(since ? publications : publications.reverse());
    mine.since = { offset: publications.length && since ? publications.at(-1).offset : since?.offset ?? offset, epoch };
    const there = await command('presence_stats', { channel }).catch(() => undefined);
    if (watching !== mine) return;
    $('watch-note').textContent = `Live, offset ${offset}${there ? `, ${several(there.num_clients, 'client')} of ${several(there.num_users, 'user')}` : ''}.`;
  } catch (error) {
    if (watching !== mine) return;
    if (error.message.startsWith('112 ')) {       // its stream has begun anew
      mine.since = undefined;
    } else if (error.message.startsWith('108 ')) {
      $('watch-note').textContent = 'This channel keeps nothing that could be shown: its namespace has no history_size.';
      return stopWatching();
    } else {
      $('watch-note').textContent = error.message;
      if (error instanceof LoggedOut || /^10[27] /.test(error.message)) return stopWatching();
    }
  }
  mine.timer = setTimeout(look, 1000, mine);
}

function watch(channel) {
  stopWatching();
  $('watched').value = channel;
  $('publications').replaceChildren();
  $('watch-note').textContent = '';
  $('unwatch').hidden = false;
  watching = { channel };
  look(watching);
}
$('watch-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const hash = `#channel=${encodeURIComponent($('watched').value)}`;
  if (location.hash === hash) watch($('watched').value);
  else location.hash = hash;
});
$('unwatch').addEventListener('click', () => {
  stopWatching();
  $('watch-note').textContent = 'Stopped.';
});

$('publish-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const channel = $('watched').value;
  const say = (text) => { $('publish-note').textContent = text; };
  if (!channel) return say('Name a channel above.');
  try {
    JSON.parse($('data').value);
  } catch (error) {
    return say(`This is no JSON: ${error.message}`);
  }
  try {   // as it is written: numbers may be longer than JavaScript's
    const { status, text } = await ask('publish', `{"channel":${JSON.stringify(channel)},"count":true,"data":${$('data').value}}`);
    const { result, error } = status === 200 ? JSON.parse(text) : { error: { code: status, message: text.trim() } };
    say(error ? `${error.code} ${error.message}` : `Published; ${several(result.receivers ?? 0, 'connection')} got it.`);
  } catch (error) {
    say(error.message);
  }
});

// --- users

$('disconnect-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const user = $('user').value;
  const how = $('again').checked ? { code: 3011, reason: 'force reconnect' } : { code: 3503, reason: 'force disconnect' };
  try {
    await command('disconnect', { user, disconnect: how });
    $('disconnect-note').textContent = `Every connection of ${user} has been closed with ${how.code}.`;
  } catch (error) {
    $('disconnect-note').textContent = error.message;
  }
});

// --- configuration

let configuration;
function showConfiguration() {
  const wanted = $('filter').value.trim().toLowerCase();
  const rows = configuration.options.filter(({ key, value, default: usual, help }) => (!wanted || `${key} ${help}`.toLowerCase().includes(wanted)) &&
    (!$('changed').checked || value !== usual)).map(({ key, value, default: usual, help }) => {
    const row = element('tr', '');
    const name = element('td', key);
    name.append(element('small', help));
    row.append(name, element('td', value || 'none'));
    if (value !== usual) row.dataset.changed = '';
    return row;
  });
  $('option-rows').replaceChildren(...rows);
}

async function loadConfiguration() {
  try {
    configuration = JSON.parse((await ask('configuration')).text);
  } catch (error) {
    $('trouble').textContent = error.message;
    return;
  }
  const items = (all, text) => (all.length ? all.map((each) => element('li', text(each))) : [element('li', 'none', { className: 'soft' })]);
  $('namespaces').replaceChildren(...items(configuration.namespaces,
    ({ name, history_size: size, presence }) => `${name || '(without a name)'}: history ${size}, presence ${presence}`));
  $('proxies').replaceChildren(...items(configuration.proxies, ({ url, timeout_ms: ms }) => `${url}, ${ms} ms`));
  showConfiguration();
}
for (const id of ['filter', 'changed']) $(id).addEventListener('input', () => configuration && showConfiguration());
$('filter').form.addEventListener('submit', (event) => event.preventDefault());

// --- sections

function route() {
  const [wanted, argument] = location.hash.slice(1).split('=');
  const all = [...document.querySelectorAll('section')];
  const chosen = all.find(({ id }) => id === wanted) ?? all[0];
  for (const each of all) each.hidden = each !== chosen;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${chosen.id}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${chosen.querySelector('h2').textContent} · Carillon`;
  if (chosen.id === 'channels') listChannels();
  if (chosen.id === 'configuration') loadConfiguration();
  if (chosen.id === 'channel' && argument) watch(decodeURIComponent(argument));
}
addEventListener('hashchange', route);
$('skip').addEventListener('click', (event) => {   // what follows # is the section
  event.preventDefault();
  $('main').focus();
});
refresh();
