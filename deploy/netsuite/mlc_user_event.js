/**
 * ml-connector: tells it that a record was created, changed or deleted.
 * Deploy on Vendor, Purchase Order, Item Receipt, Vendor Bill and Vendor
 * Credit, log level Error. A post that fails never holds up the user's save.
 *
 * @NApiVersion 2.1
 * @NScriptType UserEventScript
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/runtime', './mlc_event'], (log, runtime, mlc) => {
  const TYPES = ['vendor', 'purchaseorder', 'itemreceipt', 'vendorbill', 'vendorcredit'];
  // Reading and copying into a form change nothing.
  const SILENT = ['view', 'print', 'email', 'quickview'];

  const afterSubmit = (context) => {
    try {
      const kind = String(context.type).toLowerCase();
      const changed = kind === 'delete' ? context.oldRecord : context.newRecord;
      if (!changed || SILENT.includes(kind) || !TYPES.includes(String(changed.type).toLowerCase())) {
        return;
      }
      // Our own login only reads; skipping it guards against a loop if that
      // should ever change.
      const own = runtime.getCurrentScript().getParameter({ name: 'custscript_mlc_user' });
      if (own && String(runtime.getCurrentUser().id) === String(own)) {
        return;
      }
      const e = mlc.event(changed.type, changed.id, kind);
      if (!mlc.post(e)) {
        mlc.keep(e);
      }
    } catch (err) {
      log.error({ title: 'ml-connector', details: err.message });
    }
  };

  return { afterSubmit };
});
