// proto/openapi.yaml and the running server API say the same: paths, methods, members and their types, statuses.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startGateway } from './gateway.mjs';

const suite = { timeout: 120_000 };
const key = 'open-sesame';
const text = readFileSync(fileURLToPath(new URL('../../proto/openapi.yaml', import.meta.url)), 'utf8');

/** What is below the line that reads `name:` with this indent, without the indent of its children. */
function below(name, indent, within = text) {
  const lines = within.split('\n');
  const begin = lines.findIndex((line) => line.startsWith(`${' '.repeat(indent)}${name}:`));
  assert.notEqual(begin, -1, `${name} is not there`);
  const end = lines.findIndex((line, i) => i > begin && line.trim() !== '' && line.search(/\S/) <= indent);
  return lines.slice(begin + 1, end === -1 ? undefined : end).join('\n');
}

// The document is written in one style: a path, an operation and a member have a line each.
// What operators ask of this gateway itself is not counted, and has tests of its own.
const ofOperators = ['/api/drain', '/api/rebalance', '/api/reload'];
const paths = [...below('paths', 0).matchAll(/^  (\/api\S*):$/gm)].map(([, path]) => path)
  .filter((path) => !ofOperators.includes(path));
const schemaOf = (path) => /schemas\/(\w+)/.exec(below(path, 2))[1];
const membersOf = (schema) => [...below(schema, 4).matchAll(/^        (\w+): (\{.*\})$/gm)]
  .map(([, name, what]) => ({ name, type: /type: (\w+)/.exec(what)?.[1] ?? (what.includes('$ref') ? 'object' : 'any') }));
const wrong = { string: 1, integer: 'x', boolean: 'x', array: {}, object: [] };
const good = { string: '', integer: 0, boolean: false, array: [], object: {}, any: [1] };

describe('the description of the server API', suite, () => {
  let gateway;
  before(async () => {
    gateway = await startGateway({ flags: ['--shards', '1', '--api-key', key, '--api-body-bytes-max', '70000'] });
  });
  after(() => gateway?.stop());

  const ask = async (path, body, { method = 'POST', headers = { 'X-API-Key': key } } = {}) => {
    const answer = await fetch(`http://127.0.0.1:${gateway.ports.control}${path}`, { method, headers, body });
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };

  test('has all methods that the server counts', async () => {
    const metrics = (await ask('/metrics', undefined, { method: 'GET' })).text;
    const counted = [...metrics.matchAll(/carillon_api_requests_total\{method="(\w+)",outcome="ok"\}/g)].map(([, name]) => name);
    assert.deepEqual(paths.filter((path) => path !== '/api').map((path) => path.slice('/api/'.length)).sort(),
      counted.filter((name) => name !== 'other').sort());
  });

  test('has members that can be tried', () => {
    const all = paths.flatMap((path) => membersOf(schemaOf(path)));
    for (const name of ['channel', 'data', 'tags', 'whitelist', 'expire_at', 'cursor', 'commands', 'since'])
      assert.ok(all.some((each) => each.name === name), name);
  });

  for (const path of paths) {
    test(`${path} answers with a reply of the form that it should`, async () => {
      const { status, type, text: body } = await ask(path, path === '/api' ? '{"method":"info"}' : '{}');
      assert.equal(status, 200);
      assert.equal(type, 'application/json');
      const [member] = Object.keys(JSON.parse(body));
      assert.ok(['result', 'error', 'replies'].includes(member), body);
      if (member === 'error') assert.ok(below('Error', 4).includes(String(JSON.parse(body).error.code)), body);
    });

    test(`${path} is refused with the statuses that it has`, async () => {
      const refusals = {
        400: ['[', {}],
        401: ['{}', { headers: {} }],
        405: [undefined, { method: 'GET' }],
        413: [' '.repeat(70_001), {}],
        415: ['{}', { headers: { 'X-API-Key': key, 'Content-Encoding': 'gzip' } }],
      };
      for (const [status, [body, how]] of Object.entries(refusals)) {
        const said = await ask(path, body, how);
        assert.deepEqual([said.status, said.type], [Number(status), 'text/plain; charset=utf-8'], said.text);
        assert.ok(below(path, 2).includes(`"${status}"`), `${path} has no ${status}`);
      }
      assert.ok(below(path, 2).includes('"403"') && below(path, 2).includes('"404"'));   // another key; no key at all
    });

    test(`${path} takes each member that it has, and of its type only`, async () => {
      for (const { name, type } of membersOf(schemaOf(path))) {
        if (path === '/api' && name === 'params') continue;   // which are those of the method
        const taken = await ask(path, JSON.stringify({ [name]: good[type] }));
        assert.equal(taken.status, 200, `${name}: ${taken.text}`);
        if (type === 'any') continue;
        const refused = await ask(path, JSON.stringify({ [name]: wrong[type] }));
        assert.equal(refused.status, 400, `${name}: ${refused.text}`);
        assert.match(refused.text, new RegExp(`"${name}" has the wrong type`));
      }
    });
  }
});
