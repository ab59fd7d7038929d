// Loads a SuiteScript module with a NetSuite of a few lines in place of N/*.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const dir = path.join(__dirname, '..');

function netsuite(options = {}) {
  const parameters = { custscript_mlc_url: 'https://hooks.example/webhooks/netsuite/acme', custscript_mlc_secret: 'canary-secret', ...options.parameters };
  const world = { posts: [], logs: [], outbox: [], usage: options.usage ?? 10000, answer: options.answer ?? (() => ({ code: 202 })), next: 1, user: options.user ?? 7 };
  const logs = (level) => (entry) => world.logs.push({ level, ...entry });
  world.modules = {
    'N/https': { post: (request) => { world.usage -= 10; world.posts.push(request); return world.answer(request, world.posts.length); } },
    'N/log': { error: logs('error'), audit: logs('audit') },
    'N/runtime': {
      accountId: '1234567_SB1',
      getCurrentUser: () => ({ id: world.user }),
      getCurrentScript: () => ({ getParameter: ({ name }) => parameters[name] ?? null, getRemainingUsage: () => world.usage }),
    },
    'N/record': {
      create: ({ type }) => {
        const row = { id: String(world.next++), type, values: {} };
        return { setValue: ({ fieldId, value }) => { row.values[fieldId] = value; }, save: () => { if (options.outboxFails) throw new Error('no permission'); world.outbox.push(row); return row.id; } };
      },
      delete: ({ id }) => { world.usage -= 4; world.outbox = world.outbox.filter((r) => r.id !== id); },
    },
    'N/search': {
      Sort: { ASC: 'ASC' },
      createColumn: (c) => c,
      create: () => ({ run: () => ({ getRange: ({ start, end }) => world.outbox.slice(start, end).map((r) => ({ id: r.id, getValue: ({ name }) => r.values[name] })) }) }),
    },
  };
  world.load = (file) => {
    let out;
    const define = (names, make) => { out = make(...names.map((n) => (n.startsWith('./') ? world.load(n.slice(2) + '.js') : world.modules[n]))); };
    vm.runInNewContext(fs.readFileSync(path.join(dir, file), 'utf8'), { define, Date, JSON, String, Error }, { filename: file });
    return out;
  };
  return world;
}

module.exports = { netsuite };
