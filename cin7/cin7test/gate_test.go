package cin7test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// step is one call of a story; want is "" when it must succeed, else a part
// of the refusal.
type step struct {
	do, want string
}

// play runs a story of short commands on a purchase and returns its ID. A
// group is named by its place: 0, 1, ...; "-" omits the TaskID, "z" is all zeros.
//
//	order S | invoice G S Q | stock G S Q | put S-with-place: put G S Q | undo-invoice G | void-invoice G | undo-stock G | void-stock G
func (c *company) play(approach string, steps []step) string {
	c.t.Helper()
	id := c.purchase(approach, "")
	for i, s := range steps {
		f := strings.Fields(s.do)
		method, path, body := c.command(id, f)
		if s.want != "" {
			c.t.Logf("step %d: %s", i, s.do)
			c.refused(method, path, body, 400, s.want)
			continue
		}
		if r := c.do(method, path, body); r.status != 200 || r.exception() != "" {
			c.t.Fatalf("step %d %q: %d %s, want 200", i, s.do, r.status, r.body)
		}
	}
	return id
}

func (c *company) command(id string, f []string) (method, path, body string) {
	state := map[string]string{"D": "DRAFT", "A": "AUTHORISED"}
	switch f[0] {
	case "order":
		return "POST", "purchase/order", orderOf(id, state[f[1]])
	case "void":
		return "DELETE", "advanced-purchase?Void=true&ID=" + id, ""
	case "undo":
		return "DELETE", "advanced-purchase?ID=" + id, ""
	}
	task := c.task(id, f[1])
	switch f[0] {
	case "invoice":
		return "POST", "advanced-purchase/invoice", invoiceOf(id, task, "INV-"+f[1], state[f[2]], f[3])
	case "stock":
		return "POST", "advanced-purchase/stock", stockOf(id, task, state[f[2]], f[3], "")
	case "replace-stock":
		return "PUT", "advanced-purchase/stock", stockOf(id, task, state[f[2]], f[3], "")
	case "authorise-stock":
		return "POST", "advanced-purchase/stock", js(`{'PurchaseID':'P','TaskID':'G','Status':'AUTHORISED','Lines':[]}`, "'P'", `"`+id+`"`, "'G'", `"`+task+`"`)
	case "authorise-invoice":
		return "POST", "advanced-purchase/invoice", js(`{'PurchaseID':'P','TaskID':'G','CombineAdditionalCharges':false,'InvoiceDate':'2026-11-20T00:00:00','InvoiceDueDate':'2026-12-20T00:00:00','Status':'AUTHORISED','Lines':[]}`,
			"'P'", `"`+id+`"`, "'G'", `"`+task+`"`)
	case "put":
		return "POST", "advanced-purchase/put-away", stockOf(id, task, state[f[2]], f[3], inWarehouse)
	case "undo-invoice", "void-invoice", "undo-stock", "void-stock":
		verb, doc, _ := strings.Cut(f[0], "-")
		void := "false"
		if verb == "void" {
			void = "true"
		}
		return "DELETE", "advanced-purchase/" + doc + "?TaskID=" + task + "&Void=" + void, ""
	}
	c.t.Fatalf("no command %q", f[0])
	return "", "", ""
}

func (c *company) task(id, group string) string {
	switch group {
	case "-":
		return ""
	case "z":
		return zeroID
	}
	p := c.stored(id)
	n := int(group[0] - '0')
	if n >= len(p.Groups) {
		return "11111111-1111-1111-1111-111111111111"
	}
	return p.Groups[n].TaskID
}

func (c *company) stored(id string) Purchase {
	c.t.Helper()
	all := c.sim.Purchases()
	i := slices.IndexFunc(all, func(p Purchase) bool { return same(p.ID, id) })
	if i < 0 {
		c.t.Fatalf("no purchase %s", id)
	}
	return all[i]
}

// states writes the groups as number: invoice, stock, put-away.
func states(p Purchase) []string {
	var out []string
	for _, g := range p.Groups {
		out = append(out, string(rune('0'+g.Number))+": "+g.Invoice.Status+", "+g.Stock.Status+", "+g.PutAway.Status)
	}
	return out
}

func TestStageGates(t *testing.T) {
	const noTask = "Task with specified TaskID not found"
	tests := []struct {
		name     string
		o        Options
		approach string
		steps    []step
		want     []string // groups at the end
	}{
		{name: "nothing goes before the order", approach: "INVOICE", steps: []step{{"invoice 0 A 100", textOrderFirst}, {"stock 0 A 100", textOrderFirst}, {"put 0 A 100", textOrderFirst}, {"order D", ""}, {"invoice 0 A 100", textOrderFirst}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "an order is written again while it is a draft, authorised once", approach: "INVOICE", steps: []step{{"order D", ""}, {"order D", ""}, {"order A", ""}, {"order A", "DRAFT or NOT AVAILABLE"}, {"order D", "DRAFT or NOT AVAILABLE"}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "INVOICE: stock waits for the invoice", approach: "INVOICE", steps: []step{{"order A", ""}, {"stock 0 A 100", textInvoice1st}, {"put 0 A 100", textInvoice1st}, {"invoice 0 D 100", ""}, {"stock 0 A 100", textInvoice1st}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}},
			want: []string{"0: AUTHORISED, AUTHORISED, NOT AVAILABLE"}},
		{name: "STOCK: the invoice waits for stock", approach: "STOCK", steps: []step{{"order A", ""}, {"invoice 0 D 100", textStock1st}, {"stock 0 D 100", ""}, {"invoice 0 A 100", textStock1st}, {"authorise-stock 0", ""}, {"invoice 0 A 100", ""}},
			want: []string{"0: AUTHORISED, AUTHORISED, NOT AVAILABLE"}},
		{name: "put-away waits for stock", approach: "STOCK", steps: []step{{"order A", ""}, {"put 0 A 100", textStockFirst}, {"stock 0 D 100", ""}, {"put 0 A 100", textStockFirst}, {"authorise-stock 0", ""}, {"put 0 A 100", ""}, {"put 0 A 100", "DRAFT or NOT AVAILABLE"}},
			want: []string{"0: NOT AVAILABLE, AUTHORISED, AUTHORISED"}},
		{name: "an authorised invoice is not written again", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 D 60", ""}, {"invoice 0 D 100", ""}, {"authorise-invoice 0", ""}, {"invoice 0 A 100", "DRAFT or NOT AVAILABLE"}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "authorised stock takes no more", approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 60", ""}, {"stock 0 A 40", "PARTIALLY RECEIVED"}, {"replace-stock 0 A 40", "PARTIALLY RECEIVED"}},
			want: []string{"0: NOT AVAILABLE, AUTHORISED, NOT AVAILABLE"}},
		{name: "switch: stock below the invoice stays open", o: Options{PartiallyReceived: true}, approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 60", ""}, {"replace-stock 0 A 100", ""}},
			want: []string{"0: AUTHORISED, AUTHORISED, NOT AVAILABLE"}},
		{name: "switch: partially received counts as received", o: Options{PartiallyReceived: true}, approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 60", ""}, {"put 0 A 60", ""}},
			want: []string{"0: AUTHORISED, PARTIALLY RECEIVED, AUTHORISED"}},
		{name: "a put-away that matches the invoice is not a draft", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"put 0 D 100", "AUTHORISED"}, {"put 0 D 60", ""}},
			want: []string{"0: AUTHORISED, AUTHORISED, DRAFT"}},
		{name: "more than ordered is accepted", approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 140", ""}, {"put 0 A 140", ""}},
			want: []string{"0: NOT AVAILABLE, AUTHORISED, AUTHORISED"}},
		{name: "stock without TaskID opens a group with an empty draft invoice", approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 60", ""}, {"put 0 A 60", ""}, {"stock - A 40", ""}, {"put 1 A 40", ""}, {"invoice 0 A 60", ""}, {"invoice 1 A 40", ""}},
			want: []string{"0: AUTHORISED, AUTHORISED, AUTHORISED", "1: AUTHORISED, AUTHORISED, AUTHORISED"}},
		{name: "zeros open a group too", approach: "STOCK", steps: []step{{"order A", ""}, {"stock z A 40", ""}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE", "1: DRAFT, AUTHORISED, NOT AVAILABLE"}},
		{name: "INVOICE: a receipt without TaskID is apart from the invoice for good", approach: "INVOICE", steps: []step{{"order A", ""}, {"stock - A 100", textInvoice1st}, {"invoice 0 A 100", ""}, {"stock - A 100", ""}, {"put 1 A 100", textInvoice1st}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, NOT AVAILABLE", "1: DRAFT, AUTHORISED, NOT AVAILABLE"}},
		{name: "an unknown TaskID is refused", approach: "STOCK", steps: []step{{"order A", ""}, {"stock 7 A 100", noTask}, {"put 7 A 100", noTask}, {"invoice 7 A 100", noTask}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "an invoice needs a TaskID, zeros are refused", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice - A 100", "Required attribute TaskID is not provided"}, {"invoice z A 100", noTask}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "switch: zeros open a group for an invoice", o: Options{ZeroGroupInvoice: true}, approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 60", ""}, {"invoice z A 40", ""}, {"stock 1 A 40", ""}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, NOT AVAILABLE", "1: AUTHORISED, AUTHORISED, NOT AVAILABLE"}},
		{name: "zeros for an invoice do not pass the stock gate", o: Options{ZeroGroupInvoice: true}, approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 60", ""}, {"invoice z A 40", textStock1st}},
			want: []string{"0: NOT AVAILABLE, AUTHORISED, NOT AVAILABLE"}},
		{name: "gates look at the group", approach: "STOCK", steps: []step{{"order A", ""}, {"stock - A 60", ""}, {"invoice 0 A 60", textStock1st}, {"invoice 1 A 60", ""}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE", "1: AUTHORISED, AUTHORISED, NOT AVAILABLE"}},
		{name: "switch: gates look at the purchase", o: Options{GatePerPurchase: true}, approach: "STOCK", steps: []step{{"order A", ""}, {"stock - A 60", ""}, {"invoice 0 A 60", ""}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, NOT AVAILABLE", "1: DRAFT, AUTHORISED, NOT AVAILABLE"}},
		{name: "switch: the first group has its own TaskID", o: Options{FirstGroupOwnID: true}, approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 60", ""}, {"stock - A 40", ""}},
			want: []string{"1: NOT AVAILABLE, AUTHORISED, NOT AVAILABLE", "2: DRAFT, AUTHORISED, NOT AVAILABLE"}},
		{name: "Use Put Away off: put-away alone receives", o: Options{NoPutAway: true}, approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 100", "Use Put Away"}, {"invoice 0 A 100", textStock1st}, {"put 0 A 60", ""}, {"put - A 40", ""}, {"invoice 0 A 60", ""}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, AUTHORISED", "1: DRAFT, NOT AVAILABLE, AUTHORISED"}},
		{name: "Use Put Away off: INVOICE", o: Options{NoPutAway: true}, approach: "INVOICE", steps: []step{{"order A", ""}, {"put 0 A 60", textInvoice1st}, {"invoice 0 A 60", ""}, {"put 0 A 60", ""}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, AUTHORISED"}},
		{name: "nothing is stored, nothing to authorise", approach: "STOCK", steps: []step{{"order A", ""}, {"authorise-stock 0", textLines}},
			want: []string{"0: NOT AVAILABLE, NOT AVAILABLE, NOT AVAILABLE"}},

		{name: "undo of an invoice: stock hung on it", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"put 0 A 100", ""}, {"undo-invoice 0", ""}},
			want: []string{"0: DRAFT, DRAFT, DRAFT"}},
		{name: "undo of stock: the invoice hung on it", approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 A 100", ""}, {"invoice 0 A 100", ""}, {"undo-stock 0", ""}},
			want: []string{"0: DRAFT, DRAFT, NOT AVAILABLE"}},
		{name: "undone, changed, authorised again", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"undo-invoice 0", ""}, {"invoice 0 A 60", ""}},
			want: []string{"0: AUTHORISED, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "DELETE of draft stock says 200 and does nothing", approach: "STOCK", steps: []step{{"order A", ""}, {"stock 0 D 100", ""}, {"undo-stock 0", ""}, {"void-stock 0", ""}},
			want: []string{"0: NOT AVAILABLE, DRAFT, NOT AVAILABLE"}},
		{name: "a voided invoice does not come back", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"void-invoice 0", ""}, {"invoice 0 A 100", "DRAFT or NOT AVAILABLE"}, {"undo-invoice 0", ""}},
			want: []string{"0: VOIDED, NOT AVAILABLE, NOT AVAILABLE"}},
		{name: "stock can be voided", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"void-stock 0", ""}},
			want: []string{"0: AUTHORISED, VOIDED, NOT AVAILABLE"}},
		{name: "undo of all", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"undo", ""}, {"order A", ""}},
			want: []string{"0: DRAFT, DRAFT, NOT AVAILABLE"}},
		{name: "a voided purchase takes nothing", approach: "INVOICE", steps: []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"void", ""}, {"void", ""}, {"order A", "voided"}, {"invoice 0 A 1", "voided"}, {"stock 0 A 1", "voided"}},
			want: []string{"0: VOIDED, VOIDED, NOT AVAILABLE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, tt.o)
			id := c.play(tt.approach, tt.steps)
			if diff := cmp.Diff(tt.want, states(c.stored(id))); diff != "" {
				t.Errorf("groups (-want +got)\n%s", diff)
			}
			c.ok("GET", "advanced-purchase?ID="+id, "")
		})
	}
}

func TestPaidCountsAsAuthorised(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.play("INVOICE", []step{{"order A", ""}, {"invoice 0 A 100", ""}})
	if !c.sim.Pay(id) || c.sim.Pay(id) {
		t.Error("Pay: want true once")
	}
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "100", ""))
	got := c.ok("GET", "advanced-purchase?ID="+id, "")
	if s := one0(got["Invoice"])["Status"]; s != "PAID" || got["CombinedPaymentStatus"] != "PAID" {
		t.Errorf("invoice %v, payment %v, want PAID", s, got["CombinedPaymentStatus"])
	}
}

func TestStatuses(t *testing.T) {
	tests := []struct {
		name, approach             string
		steps                      []step
		status, invoice, receiving string
	}{
		{"header only", "INVOICE", nil, "DRAFT", "NOT AVAILABLE", "NOT AVAILABLE"},
		{"order draft", "INVOICE", []step{{"order D", ""}}, "ORDERING", "NOT AVAILABLE", "NOT AVAILABLE"},
		{"ordered", "INVOICE", []step{{"order A", ""}}, "ORDERED", "NOT INVOICED", "NOT RECEIVED"},
		{"invoice draft", "INVOICE", []step{{"order A", ""}, {"invoice 0 D 100", ""}}, "ORDERED", "NOT INVOICED", "NOT RECEIVED"},
		{"part invoiced", "INVOICE", []step{{"order A", ""}, {"invoice 0 A 60", ""}}, "PARTIALLY INVOICED", "PARTIALLY INVOICED", "NOT RECEIVED"},
		{"invoiced", "INVOICE", []step{{"order A", ""}, {"invoice 0 A 100", ""}}, "INVOICED", "INVOICED", "NOT RECEIVED"},
		{"invoiced, stock in, not put away", "INVOICE", []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}}, "INVOICED", "INVOICED", "NOT RECEIVED"},
		{"completed", "INVOICE", []step{{"order A", ""}, {"invoice 0 A 100", ""}, {"stock 0 A 100", ""}, {"put 0 A 100", ""}}, "COMPLETED", "INVOICED", "FULLY RECEIVED"},
		{"receiving", "STOCK", []step{{"order A", ""}, {"stock 0 D 60", ""}}, "RECEIVING", "NOT INVOICED", "NOT RECEIVED"},
		{"part received", "STOCK", []step{{"order A", ""}, {"stock 0 A 60", ""}, {"put 0 A 60", ""}}, "RECEIVING", "NOT INVOICED", "PARTIALLY RECEIVED"},
		{"part received, part invoiced", "STOCK", []step{{"order A", ""}, {"stock 0 A 60", ""}, {"put 0 A 60", ""}, {"invoice 0 A 60", ""}}, "RECEIVING", "PARTIALLY INVOICED", "PARTIALLY RECEIVED"},
		{"received", "STOCK", []step{{"order A", ""}, {"stock 0 A 100", ""}, {"put 0 A 100", ""}}, "RECEIVED", "NOT INVOICED", "FULLY RECEIVED"},
		{"received, part invoiced", "STOCK", []step{{"order A", ""}, {"stock 0 A 100", ""}, {"put 0 A 100", ""}, {"invoice 0 A 60", ""}}, "PARTIALLY INVOICED", "PARTIALLY INVOICED", "FULLY RECEIVED"},
		{"voided", "STOCK", []step{{"order A", ""}, {"void", ""}}, "VOIDED", "NOT AVAILABLE", "VOIDED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, Options{})
			id := c.play(tt.approach, tt.steps)
			got := c.ok("GET", "advanced-purchase?ID="+id, "")
			want := [3]string{tt.status, tt.invoice, tt.receiving}
			if have := [3]string{got["Status"].(string), got["CombinedInvoiceStatus"].(string), got["CombinedReceivingStatus"].(string)}; have != want {
				t.Errorf("status, invoice, receiving: %v, want %v", have, want)
			}
			row := one0(c.ok("GET", "purchaseList", "")["PurchaseList"])
			if row["Status"] != got["Status"] {
				t.Errorf("list shows %v, want %v", row["Status"], got["Status"])
			}
		})
	}
}
