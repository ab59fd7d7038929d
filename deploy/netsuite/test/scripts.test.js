'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { netsuite } = require('./load.js');

const bill = { type: 'vendorbill', id: 48213 };

test('a saved record is posted: type, id and kind, and nothing else of it', () => {
  const ns = netsuite();
  ns.load('mlc_user_event.js').afterSubmit({ type: 'EDIT', newRecord: { ...bill, memo: 'confidential' }, oldRecord: bill });
  assert.equal(ns.posts.length, 1);
  const body = JSON.parse(ns.posts[0].body);
  assert.deepEqual({ ...body, at: undefined }, { v: 1, account: '1234567_SB1', recordType: 'vendorbill', id: '48213', eventType: 'edit', at: undefined });
  assert.match(body.at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(ns.posts[0].headers['Content-Type'], 'application/json');
  assert.equal(ns.posts[0].headers['X-Webhook-Secret'], 'canary-secret');
  assert.ok(!ns.posts[0].url.includes('canary'), 'the secret is not in the URL');
});

test('a deleted record is named by what it was', () => {
  const ns = netsuite();
  ns.load('mlc_user_event.js').afterSubmit({ type: 'DELETE', oldRecord: bill });
  assert.equal(JSON.parse(ns.posts[0].body).eventType, 'delete');
});

for (const [name, context, options] of [
  ['a record of another type', { type: 'EDIT', newRecord: { type: 'salesorder', id: 1 } }],
  ['a look at a record', { type: 'VIEW', newRecord: bill }],
  ['a context without a record', { type: 'EDIT' }],
  ['a change by our own login', { type: 'EDIT', newRecord: bill }, { parameters: { custscript_mlc_user: '7' } }],
]) {
  test(`${name} is not posted`, () => {
    const ns = netsuite(options);
    ns.load('mlc_user_event.js').afterSubmit(context);
    assert.equal(ns.posts.length + ns.outbox.length, 0);
  });
}

for (const [name, options] of [
  ['an answer of 503', { answer: () => ({ code: 503 }) }],
  ['a redirect', { answer: () => ({ code: 302 }) }],
  ['a time-out', { answer: () => { throw new Error('SSS_REQUEST_TIME_EXCEEDED'); } }],
  ['a missing parameter', { parameters: { custscript_mlc_secret: '' } }],
  ['a URL without TLS', { parameters: { custscript_mlc_url: 'http://hooks.example' } }],
]) {
  test(`after ${name} the save goes on and the event is kept`, () => {
    const ns = netsuite(options);
    ns.load('mlc_user_event.js').afterSubmit({ type: 'CREATE', newRecord: bill });
    assert.equal(ns.outbox.length, 1);
    assert.equal(ns.outbox[0].values.custrecord_mlc_id, '48213');
    assert.ok(!JSON.stringify(ns.logs).includes('canary'), 'the secret is not logged');
  });
}

test('even when nothing works the save goes on', () => {
  const ns = netsuite({ answer: () => { throw new Error('down'); }, outboxFails: true });
  ns.load('mlc_user_event.js').afterSubmit({ type: 'CREATE', newRecord: bill });
  assert.equal(ns.logs.filter((l) => l.level === 'error').length, 2);
});

function fill(ns, n) {
  const mlc = ns.load('mlc_event.js');
  for (let i = 1; i <= n; i++) mlc.keep(mlc.event('vendorbill', i, 'edit'));
}

test('what was kept is posted again in batches and forgotten', () => {
  const ns = netsuite();
  fill(ns, 450);
  assert.equal(ns.load('mlc_resend.js').execute(), 450);
  assert.equal(ns.outbox.length, 0);
  assert.deepEqual(ns.posts.map((p) => JSON.parse(p.body).length), [200, 200, 50]);
});

test('what is refused stays for the next time', () => {
  const ns = netsuite({ answer: (_, n) => ({ code: n === 2 ? 503 : 202 }) });
  fill(ns, 450);
  assert.equal(ns.load('mlc_resend.js').execute(), 200);
  assert.equal(ns.outbox.length, 250);
  assert.equal(ns.outbox[0].values.custrecord_mlc_id, '201');
});

test('it ends before its units do', () => {
  const ns = netsuite({ usage: 2000 });
  fill(ns, 1000);
  ns.load('mlc_resend.js').execute();
  assert.ok(ns.usage >= 0 && ns.outbox.length > 0, `${ns.usage} units, ${ns.outbox.length} left`);
});
