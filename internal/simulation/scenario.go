package simulation

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/handlers"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/service"
	"github.com/ml-connector/ml-connector/state"
)

// Scenario is a short story that reaches some operations of the write
// protocol. Together the scenarios reach all of them: a test holds them against
// handlers.WriteOperations.
type Scenario struct {
	Name     string
	Approach string
	// Ops are the operations that it reaches, in the words of the protocol.
	Ops []string
	// Parts happen in NetSuite one after the other, each when Cin7 has come to
	// rest after the one before; each says what to mark.
	Parts []func(d *distributor.World) []queue.Ref
	// Proxy stands before Cin7; nil passes.
	Proxy func(http.Handler) http.Handler
	// Edit changes the tenant file: old, new, old, new, ...
	Edit []string
	// Account has the options of the simulators.
	Account distributor.Options
}

// Operation finds the requests of one operation.
type Operation struct {
	Method, Path, Contains string // in the form of cin7test.Fault
}

// Operations say by which request each operation goes out.
var Operations = map[string]Operation{
	"create_supplier":     {http.MethodPost, "=supplier", ""},
	"update_supplier":     {http.MethodPut, "=supplier", ""},
	"create_purchase":     {http.MethodPost, "=advanced-purchase", ""},
	"void_purchase":       {http.MethodDelete, "=advanced-purchase", ""},
	"void_stray_purchase": {http.MethodDelete, "=advanced-purchase", ""},
	"post_order":          {http.MethodPost, "=purchase/order", ""},
	"draft_invoice":       {http.MethodPost, "=advanced-purchase/invoice", `"DRAFT"`},
	"authorise_invoice":   {http.MethodPost, "=advanced-purchase/invoice", `"AUTHORISED"`},
	"draft_stock":         {http.MethodPost, "=advanced-purchase/stock", `"DRAFT"`},
	"draft_put_away":      {http.MethodPost, "=advanced-purchase/put-away", `"DRAFT"`},
	"post_stock":          {http.MethodPost, "=advanced-purchase/stock", `"AUTHORISED"`},
	"post_put_away":       {http.MethodPost, "=advanced-purchase/put-away", `"AUTHORISED"`},

	"set_rate":              {http.MethodPut, "=advanced-purchase", "CurrencyRate"},
	"undo_purchase":         {http.MethodDelete, "=advanced-purchase", ""},
	"undo_invoice":          {http.MethodDelete, "=advanced-purchase/invoice", ""},
	"void_invoice":          {http.MethodDelete, "=advanced-purchase/invoice", ""},
	"void_stock":            {http.MethodDelete, "=advanced-purchase/stock", ""},
	"replace_stock":         {http.MethodPut, "=advanced-purchase/stock", ""},
	"draft_credit_note":     {http.MethodPost, "=advanced-purchase/creditnote", `"DRAFT"`},
	"authorise_credit_note": {http.MethodPost, "=advanced-purchase/creditnote", `"AUTHORISED"`},
	"void_credit_note":      {http.MethodDelete, "=advanced-purchase/creditnote", ""},
	"draft_journal":         {http.MethodPost, "=journal", ""},
	"replace_journal":       {http.MethodPut, "=journal", `"DRAFT"`},
	"complete_journal":      {http.MethodPut, "=journal", `"COMPLETED"`},
	"undo_journal":          {http.MethodDelete, "=journal", ""},
	"void_journal":          {http.MethodDelete, "=journal", ""},
}

// Matches reports whether a request is of the operation.
func (o Operation) Matches(c cin7test.Call) bool {
	return c.Method == o.Method && "="+strings.ToLower(c.Path) == o.Path && strings.Contains(c.Body, o.Contains)
}

// enter is a part that enters records of the month by type and id.
func enter(names ...string) func(d *distributor.World) []queue.Ref {
	return func(d *distributor.World) []queue.Ref {
		var refs []queue.Ref
		for _, name := range names {
			r, ok := queue.ParseRef(name)
			found := false
			for _, e := range d.Events() {
				if ok && e.Type == r.Type && strconv.FormatInt(e.ID, 10) == r.ID {
					e.Put()
					refs, found = append(refs, r), true
				}
			}
			if !found {
				panic("simulation: the month has no " + name)
			}
		}
		return refs
	}
}

// editOrder is a part in which somebody changes an order.
func editOrder(id int64, edit func(*netsuitetest.PurchaseOrder)) func(d *distributor.World) []queue.Ref {
	return func(d *distributor.World) []queue.Ref {
		o, ok := d.NetSuite.PurchaseOrder(id)
		if !ok {
			panic(fmt.Sprintf("simulation: no order %d", id))
		}
		o.Lines, o.Modified = slices.Clone(o.Lines), time.Time{}
		edit(&o)
		d.NetSuite.PutPurchaseOrder(o)
		return []queue.Ref{{Type: "purchaseorder", ID: strconv.FormatInt(id, 10)}}
	}
}

// editBill is a part in which somebody changes a bill.
func editBill(id int64, edit func(*netsuitetest.Bill)) func(d *distributor.World) []queue.Ref {
	return func(d *distributor.World) []queue.Ref {
		b, ok := d.NetSuite.Bill(id)
		if !ok {
			panic(fmt.Sprintf("simulation: no bill %d", id))
		}
		b.Lines, b.Taxes, b.Modified = slices.Clone(b.Lines), slices.Clone(b.Taxes), time.Time{}
		edit(&b)
		d.NetSuite.PutBill(b)
		return []queue.Ref{{Type: "vendorbill", ID: strconv.FormatInt(id, 10)}}
	}
}

// credit is a part in which somebody enters or changes the credit of a bill.
func credit(voided bool) func(d *distributor.World) []queue.Ref {
	return func(d *distributor.World) []queue.Ref {
		c := netsuitetest.Credit{AppliedTo: []int64{6002}}
		c.ID, c.Number, c.Vendor, c.Date, c.Voided = 7001, "CW-C-17", 301, "2026-11-10", voided
		c.Lines = []netsuitetest.BillLine{{Account: 151, Memo: "freight credited", Amount: "10.00"}}
		d.NetSuite.PutCredit(c)
		return []queue.Ref{{Type: "vendorcredit", ID: "7001"}}
	}
}

// receiveTwice is a part in which order 4001 comes in two receipts.
func receiveTwice(d *distributor.World) []queue.Ref {
	var refs []queue.Ref
	for i, quantities := range [][2]string{{"60", "30"}, {"40", "20"}} {
		id := int64(5101 + i)
		d.NetSuite.PutReceipt(netsuitetest.Receipt{ID: id, Number: fmt.Sprint("IR", id), PO: 4001, Date: fmt.Sprintf("2026-11-%02d", 5+i),
			Lines: []netsuitetest.ReceiptLine{{POLine: 1, Quantity: quantities[0]}, {POLine: 2, Quantity: quantities[1]}}})
		refs = append(refs, queue.Ref{Type: "itemreceipt", ID: strconv.FormatInt(id, 10)})
	}
	return refs
}

// receiveOne is a part in which somebody receives one piece of what an invoice
// bills, in a group that Cin7 keeps open (contract cin7 7.7).
func receiveOne(d *distributor.World) []queue.Ref {
	for _, p := range d.Cin7.Purchases() {
		for i, g := range p.Groups {
			if g.Invoice.Status == cin7test.Authorised && len(g.Invoice.Lines) > 0 && len(g.Stock.Lines) == 0 {
				l := g.Invoice.Lines[0]
				d.Cin7.EditPurchase(p.ID, func(p *cin7test.Purchase) {
					p.Groups[i].Stock = cin7test.Stock{Status: cin7test.PartiallyReceived,
						Lines: []cin7test.StockLine{{Date: "2026-11-05", ProductID: l.ProductID, SKU: l.SKU, Name: l.Name, Quantity: decimal.NewFromInt(1)}}}
				})
				return nil
			}
		}
	}
	panic("simulation: Cin7 has no invoice whose goods are to come")
}

// both is a part made of two.
func both(a, b func(d *distributor.World) []queue.Ref) func(d *distributor.World) []queue.Ref {
	return func(d *distributor.World) []queue.Ref { return append(a(d), b(d)...) }
}

// repost lets the service undo and post again what changed in NetSuite, journals
// posts bills without an order as journals.
var (
	repost   = []string{"  location: Main Warehouse", "  after_post_change: void_and_repost\n  location: Main Warehouse"}
	journals = append([]string{"  start: ", "  standalone_bills: journal\n  start: "}, repost...)
)

// repeatCreate is a proxy that sends the first create of a purchase twice, as
// some do when a kept connection dies: a second draft nobody knows of.
func repeatCreate(next http.Handler) http.Handler {
	var done atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/advanced-purchase") && done.CompareAndSwap(false, true) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			first := r.Clone(r.Context())
			first.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(httptest.NewRecorder(), first)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

// Scenarios are all of them.
var Scenarios = []Scenario{
	{
		Name: "invoice first", Approach: "INVOICE",
		Ops: []string{"create_supplier", "create_purchase", "post_order", "draft_invoice", "authorise_invoice", "post_stock", "post_put_away"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4002"), enter("vendorbill:6002", "itemreceipt:5002"),
		},
	},
	{
		Name: "stock first", Approach: "STOCK",
		Ops: []string{"create_supplier", "create_purchase", "post_order", "draft_invoice", "authorise_invoice", "post_stock", "post_put_away"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4001", "itemreceipt:5001", "vendorbill:6001"),
		},
	},
	{
		Name: "a supplier that was there", Approach: "INVOICE",
		Ops:   []string{"update_supplier"},
		Parts: []func(*distributor.World) []queue.Ref{enter("vendor:302")},
	},
	{
		Name: "a rejected order", Approach: "INVOICE",
		Ops:   []string{"create_purchase", "post_order", "void_purchase"},
		Parts: []func(*distributor.World) []queue.Ref{enter("vendor:302", "purchaseorder:4012"), editOrder(4012, func(o *netsuitetest.PurchaseOrder) { o.Status = "C" })},
	},
	{
		Name: "a create that was repeated on the way", Approach: "INVOICE",
		Ops:   []string{"create_purchase", "void_stray_purchase", "post_order"},
		Parts: []func(*distributor.World) []queue.Ref{enter("vendor:301", "purchaseorder:4001")},
		Proxy: repeatCreate,
	},
	{
		Name: "an order that changed", Approach: "INVOICE",
		Ops: []string{"undo_purchase", "post_order"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:302", "purchaseorder:4012"),
			editOrder(4012, func(o *netsuitetest.PurchaseOrder) { o.Lines[0].Quantity, o.Lines[0].Amount = "60", "43.20" }),
		},
	},
	{
		Name: "a bill at another rate", Approach: "INVOICE",
		Ops: []string{"set_rate"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:303", "purchaseorder:4004"),
			both(enter("vendorbill:6004"), editBill(6004, func(b *netsuitetest.Bill) { b.Rate = "1.1012" })),
		},
	},
	{
		Name: "a bill that changed", Approach: "INVOICE", Edit: repost,
		Ops: []string{"undo_invoice"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4002", "vendorbill:6002"),
			editBill(6002, func(b *netsuitetest.Bill) { b.Lines[1].Amount = "66.00" }),
		},
	},
	{
		Name: "a bill that was voided", Approach: "INVOICE", Edit: repost,
		Ops: []string{"void_invoice"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4002", "vendorbill:6002"),
			editBill(6002, func(b *netsuitetest.Bill) { b.Voided = true }),
		},
	},
	{
		Name: "a credit", Approach: "INVOICE", Edit: repost,
		Ops: []string{"draft_credit_note", "authorise_credit_note", "void_credit_note"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4002", "vendorbill:6002", "itemreceipt:5002"), credit(false), credit(true),
		},
	},
	{
		Name: "a receipt that changed", Approach: "STOCK", Edit: repost,
		Ops: []string{"void_stock", "draft_stock", "post_stock"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4001", "itemreceipt:5001"),
			func(d *distributor.World) []queue.Ref {
				d.NetSuite.PutReceipt(netsuitetest.Receipt{ID: 5001, Number: "IR5001", PO: 4001, Date: "2026-11-05",
					Lines: []netsuitetest.ReceiptLine{{POLine: 1, Quantity: "90"}, {POLine: 2, Quantity: "50"}}})
				return []queue.Ref{{Type: "itemreceipt", ID: "5001"}}
			},
		},
	},
	{
		Name: "two receipts without put away", Approach: "STOCK", Edit: []string{"cin7:\n", "cin7:\n  use_put_away: false\n"},
		Account: distributor.Options{Cin7: cin7test.Options{NoPutAway: true}},
		Ops:     []string{"draft_put_away", "post_put_away"},
		Parts:   []func(*distributor.World) []queue.Ref{enter("vendor:301", "purchaseorder:4001"), receiveTwice},
	},
	{
		Name: "a receipt that somebody began by hand", Approach: "INVOICE",
		Ops: []string{"replace_stock", "post_put_away"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:301", "purchaseorder:4002", "vendorbill:6002"),
			both(receiveOne, enter("itemreceipt:5002")),
		},
	},
	{
		Name: "a journal that changed", Approach: "INVOICE", Edit: journals,
		Ops: []string{"draft_journal", "complete_journal", "undo_journal", "replace_journal"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:306", "vendorbill:6012"),
			editBill(6012, func(b *netsuitetest.Bill) { b.Lines[0].Amount = "4250.00" }),
		},
	},
	{
		Name: "a journal that was voided", Approach: "INVOICE", Edit: journals,
		Ops: []string{"void_journal"},
		Parts: []func(*distributor.World) []queue.Ref{
			enter("vendor:306", "vendorbill:6012"),
			editBill(6012, func(b *netsuitetest.Bill) { b.Voided = true }),
		},
	},
}

// Mark marks records as a webhook would.
func Mark(ctx context.Context, r service.Rooms, refs []queue.Ref) error {
	var marks []queue.Mark
	for _, ref := range refs {
		marks = append(marks, queue.Mark{Ref: ref, Source: "webhook"})
	}
	_, err := r.Queue.Mark(ctx, Tenant, queue.Live, marks...)
	return err
}

// Restless says what keeps the tenant from being at rest: marks not settled,
// retries to come, writes whose outcome is open.
//
// It looks several times while a worker goes on, so in the order in which one
// thing gives rise to the next: the look for drafts marks records before it is
// over, and a record that is marked has an entry until it is settled.
func Restless(ctx context.Context, r service.Rooms) ([]string, error) {
	var out []string
	wm, err := r.States.Tenant(Tenant).Watermarks(ctx)
	if err != nil {
		return nil, err
	}
	if since := wm[handlers.FieldUnseen]; since != "" {
		out = append(out, "drafts beside the creates since "+since+" are still to be looked for")
	}
	page, err := r.States.Tenant(Tenant).List(ctx, state.Filter{Limit: 1000})
	if err != nil {
		return nil, err
	}
	if len(page.Records) == 0 {
		out = append(out, "no record is known")
	}
	for _, rec := range page.Records {
		if rec.Intent != nil || rec.State == queue.Pending || rec.State == queue.Running {
			out = append(out, fmt.Sprintf("%s is %s %s: %s", rec.Ref, rec.State, rec.Reason, rec.Message))
		}
	}
	lane, err := r.Queue.Lane(ctx, Tenant)
	if err != nil {
		return nil, err
	}
	if n := lane.Depth[queue.Live] + lane.Depth[queue.Bulk]; n > 0 {
		out = append(out, fmt.Sprintf("%d marks wait", n))
	}
	if lane.Due > 0 {
		out = append(out, fmt.Sprintf("%d retries are to come", lane.Due))
	}
	return out, nil
}

// Ends are what the records came to: state, reason and stage, by name.
func Ends(ctx context.Context, r service.Rooms) (map[string]string, error) {
	page, err := r.States.Tenant(Tenant).List(ctx, state.Filter{Limit: 1000})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, rec := range page.Records {
		out[rec.Ref.String()] = strings.TrimSpace(string(rec.State) + " " + rec.Reason + " " + rec.Facts[state.FactStage])
	}
	return out, nil
}
