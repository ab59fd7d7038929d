/**
 * ml-connector: what the user event script and the scheduled script share.
 *
 * A post is a hint: it names a record, and ml-connector reads that record from
 * NetSuite by itself. Nothing but type, id and kind leaves the account.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/https', 'N/log', 'N/record', 'N/runtime', 'N/search'], (https, log, record, runtime, search) => {
  // The custom record that keeps what could not be posted.
  const OUTBOX = 'customrecord_mlc_outbox';
  const FIELD = { type: 'custrecord_mlc_type', id: 'custrecord_mlc_id', kind: 'custrecord_mlc_kind', tries: 'custrecord_mlc_tries' };
  // ml-connector takes up to 1,000 events a post; 200 keep it below 20 KB.
  const BATCH = 200;

  /** The event of a record, as ml-connector reads it. */
  const event = (type, id, kind) => ({
    v: 1,
    account: runtime.accountId,
    recordType: String(type),
    id: String(id),
    eventType: String(kind || 'changed').toLowerCase(),
    at: new Date().toISOString(),
  });

  /** The address and the secret, from the deployment's parameters. */
  const target = () => {
    const script = runtime.getCurrentScript();
    const url = script.getParameter({ name: 'custscript_mlc_url' });
    const secret = script.getParameter({ name: 'custscript_mlc_secret' });
    if (!/^https:\/\//.test(url || '') || !secret) {
      throw new Error('set the parameters URL (https://...) and Secret on the script deployment');
    }
    return { url, secret };
  };

  /** Posts one event or a list. True when ml-connector has it. Never throws. */
  const post = (events) => {
    try {
      const { url, secret } = target();
      const answer = https.post({
        url,
        body: JSON.stringify(events),
        headers: { 'Content-Type': 'application/json', 'X-Webhook-Secret': secret },
      });
      if (answer.code >= 200 && answer.code < 300) {
        return true;
      }
      log.error({ title: 'ml-connector', details: `answered ${answer.code}` });
    } catch (e) {
      // The message of N/https names the host at most; the secret is in a header.
      log.error({ title: 'ml-connector', details: e.message || String(e.name) });
    }
    return false;
  };

  /** Keeps an event for the scheduled script. Never throws. */
  const keep = (e) => {
    try {
      const row = record.create({ type: OUTBOX });
      row.setValue({ fieldId: FIELD.type, value: e.recordType });
      row.setValue({ fieldId: FIELD.id, value: e.id });
      row.setValue({ fieldId: FIELD.kind, value: e.eventType });
      row.setValue({ fieldId: FIELD.tries, value: 0 });
      row.save();
    } catch (err) {
      // ml-connector's poll finds the record all the same.
      log.error({ title: 'ml-connector', details: `could not keep ${e.recordType} ${e.id}: ${err.message}` });
    }
  };

  /** Oldest kept events first, at most a batch. */
  const kept = () => {
    const rows = [];
    search.create({
      type: OUTBOX,
      filters: [],
      columns: [search.createColumn({ name: 'internalid', sort: search.Sort.ASC }), FIELD.type, FIELD.id, FIELD.kind],
    }).run().getRange({ start: 0, end: BATCH }).forEach((r) => rows.push({
      row: r.id,
      event: event(r.getValue({ name: FIELD.type }), r.getValue({ name: FIELD.id }), r.getValue({ name: FIELD.kind })),
    }));
    return rows;
  };

  const forget = (rows) => rows.forEach((r) => record.delete({ type: OUTBOX, id: r.row }));

  return { BATCH, OUTBOX, event, post, keep, kept, forget };
});
