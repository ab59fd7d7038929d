package cin7test

import (
	"net/http"
	"strings"
)

// table lists every resource with its verbs; others are 405, other paths are
// not found (3). The chart of accounts and the reference books are read-only
// here: writing them is not part of the contract's client.
func (s *Sim) table() map[string]route {
	const (
		get  = http.MethodGet
		post = http.MethodPost
		put  = http.MethodPut
		del  = http.MethodDelete
	)
	out := map[string]route{}
	add := func(path string, methods map[string]handler) {
		out[strings.ToLower(path)] = route{path: path, methods: methods}
	}
	add("me", map[string]handler{get: s.me})
	add("ref/account", map[string]handler{get: s.listAccounts})
	add("ref/tax", map[string]handler{get: s.listTaxRules})
	add("ref/location", map[string]handler{get: s.listLocations})
	add("ref/paymentterm", map[string]handler{get: s.listTerms})
	add("supplier", map[string]handler{get: s.listSuppliers, post: s.postSupplier, put: s.putSupplier})
	add("product", map[string]handler{get: s.listProducts, post: s.postProduct, put: s.putProduct})
	add("product-suppliers", map[string]handler{}) // 405 live (6)

	add("purchaseList", map[string]handler{get: s.listPurchases})
	add("purchaseCreditNoteList", map[string]handler{get: s.listCreditNotes})
	add("advanced-purchase", map[string]handler{get: s.getAdvancedPurchase, post: s.postAdvancedPurchase, put: s.putAdvancedPurchase, del: s.deleteAdvancedPurchase})
	add("purchase/order", map[string]handler{get: s.getOrder, post: s.postOrder})
	add("advanced-purchase/invoice", map[string]handler{get: s.getInvoices, post: s.postInvoice, del: s.deleteInvoice})
	add("advanced-purchase/stock", map[string]handler{get: s.getStock, post: s.writeStock, put: s.writeStock, del: s.deleteStock})
	add("advanced-purchase/put-away", map[string]handler{get: s.getPutAway, post: s.writePutAway})
	add("advanced-purchase/creditnote", map[string]handler{get: s.getCreditNotes, post: s.postCreditNote, del: s.deleteCreditNote})
	add("advanced-purchase/manualJournal", map[string]handler{get: s.getManualJournals, post: s.postManualJournal})

	add("purchase", map[string]handler{get: s.getPurchase, post: s.postPurchase, put: s.putPurchase, del: s.deleteSimplePurchase})
	add("purchase/invoice", map[string]handler{get: s.simpleGet(s.answerInvoices, "Invoices"), post: s.postSimpleInvoice})
	add("purchase/stock", map[string]handler{get: s.simpleGet(s.answerPutAway, "PutAway"), post: s.postSimpleStock})
	add("purchase/creditnote", map[string]handler{get: s.simpleGet(s.answerCredits, "CreditNotes"), post: s.postSimpleCreditNote})
	add("purchase/manualJournal", map[string]handler{get: s.simpleGet(s.answerManual, "ManualJournals"), post: s.postSimpleManualJournal})

	add("journal", map[string]handler{get: s.listJournals, post: s.postJournal, put: s.putJournal, del: s.deleteJournal})
	add("transactions", map[string]handler{get: s.listTransactions})
	return out
}
