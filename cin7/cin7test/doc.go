// Package cin7test is a simulator of Cin7 Core (DEAR Inventory) API v2 for
// purchasing: a library, and as awkward as the real thing. It is written from
// the contract alone and shares no code with package cin7, so the two are
// independent readings that check each other. Comments name the section of the
// contract that a behaviour comes from.
//
// Everything hangs on the purchase, and on the groups that pair one invoice
// with one receiving task under a shared TaskID (7.6):
//
//	purchase  header, ID, PO-00001                  VOIDED when voided
//	  order               NOT AVAILABLE > DRAFT > AUTHORISED
//	  group 0, TaskID = purchase ID
//	    invoice           NOT AVAILABLE > DRAFT > AUTHORISED > PAID
//	    stock received    NOT AVAILABLE > DRAFT > AUTHORISED   lines lose their location
//	    put-away          NOT AVAILABLE > DRAFT > AUTHORISED   lines need a location
//	    manual journal    replaced by every POST
//	  group 1 ...         opened by stock or put-away without a TaskID
//	  credit notes        own TaskID, may unstock
//
// A request takes this way; a fault strikes at (b) "before", or at (c) "after"
// the effect:
//
//	read > (a) log > (b) fault > keys > limit > route > effect > (c) fault > answer
//
// What took effect is in Journal, what was asked in Calls, what is stored in
// Suppliers, Purchases, Journals and Transactions.
//
// Not simulated: sales, payments (Pay marks an invoice paid), attachments,
// landed cost distribution, inventory accrual, CombineAdditionalCharges=true
// (charges always stay apart).
package cin7test
