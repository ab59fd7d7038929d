/**
 * ml-connector: posts again what could not be posted. Schedule it every 15
 * minutes. It ends when nothing is left, when a post fails, or when it has
 * used up what a scheduled script may.
 *
 * @NApiVersion 2.1
 * @NScriptType ScheduledScript
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/runtime', './mlc_event'], (log, runtime, mlc) => {
  // A post costs 10 units, deleting a row 4: a batch must fit into what is left.
  const UNITS = 10 + 4 * 200 + 50;

  const execute = () => {
    let sent = 0;
    try {
      for (;;) {
        if (runtime.getCurrentScript().getRemainingUsage() < UNITS) {
          break;
        }
        const rows = mlc.kept();
        if (rows.length === 0 || !mlc.post(rows.map((r) => r.event))) {
          break;
        }
        mlc.forget(rows);
        sent += rows.length;
      }
    } catch (err) {
      log.error({ title: 'ml-connector', details: err.message });
    }
    if (sent > 0) {
      log.audit({ title: 'ml-connector', details: `${sent} events posted again` });
    }
    return sent;
  };

  return { execute };
});
