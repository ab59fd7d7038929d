// Package reconcile proves the books: it sets what NetSuite's bills, credits
// and receipts say beside what Cin7's ledger and purchases hold, for a period,
// and names every difference.
//
//	NetSuite   headers, ledger rows            Cin7   /transactions, purchaseList   (lists, by page)
//	               \                           /
//	                pair   by vendor and number         equal: done, no call per document
//	                 |
//	                inspect   the purchases of what is left, one call each; who they were made for
//	                 |
//	                class   why each difference is there   (pure)
//	                 |
//	                report   totals, differences, everything: table, CSV, JSON, HTML
//
// Both systems are read afresh. What the service remembers of a record never
// makes two amounts equal: it only names the reason of a difference that the
// two systems show, and says which purchase to look at first.
//
// Amounts are debit positive by account. The amount of a document is what it
// adds to the payables: positive for a bill, negative for a credit. The sum of
// all classes equals the difference of the totals, by account, period, vendor
// and currency; Report.Check holds that and Run fails when it does not.
package reconcile
