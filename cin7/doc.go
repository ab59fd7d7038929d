// Package cin7 speaks to Cin7 Core (DEAR Inventory) API v2: reference lists,
// suppliers, products and advanced purchases, in Cin7's words.
//
// A purchase is written by separate calls, and grows groups that pair one
// invoice with one receiving task under a shared TaskID (contract 7.6):
//
//	POST advanced-purchase            header                  -> ID
//	POST purchase/order               order     DRAFT | AUTHORISED
//	POST advanced-purchase/invoice    invoice   DRAFT | AUTHORISED    per group
//	POST advanced-purchase/stock      received  adds lines            per group
//	POST advanced-purchase/put-away   put away  adds lines            per group
//
// Every request is sent once. Whether a failed write may have taken effect is
// in Error.Applied; the table is in answer.go.
package cin7
