package handlers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// PlanSchema names the form of Plan as JSON.
const PlanSchema = "ml-connector.plan/1"

// Plan is every call to Cin7 that would be made for some records, in order.
// Names in braces stand for GUIDs that Cin7 will give.
type Plan struct {
	Schema   string    `json:"schema"`
	Tenant   string    `json:"tenant"`
	Name     string    `json:"name"`
	Settings int64     `json:"settings"` // version of the tenant's settings
	MadeAt   time.Time `json:"made_at"`
	Asked    []string  `json:"asked"` // the records that it was made for
	Calls    []Call    `json:"calls"`
	// Outcomes are what becomes of the records once the calls are made.
	Outcomes []Outcome `json:"outcomes"`
	// Sources are what the plan rests on: apply refuses when one has moved.
	Sources []Source `json:"sources"`
	// Open are the units whose plan could not be made to its end.
	Open []OpenEnd `json:"open"`
	Hash string    `json:"hash"` // of all the above
}

// Call is one request that changes something in Cin7.
type Call struct {
	Number    int             `json:"number"`
	Record    string          `json:"record"` // whose unit it belongs to
	For       string          `json:"for"`    // the document on whose behalf
	Operation string          `json:"operation"`
	Why       string          `json:"why"`
	Before    string          `json:"before"`
	After     string          `json:"after"`
	Method    string          `json:"method"`
	Path      string          `json:"path"` // below the base URL
	Body      json.RawMessage `json:"body,omitempty"`
}

// creates reports whether a call makes something that a repeated one would
// make a second time.
func (c Call) creates() bool {
	k, _ := kindOf(c.Operation)
	return k.creates
}

// same reports whether two calls send the same.
func (c Call) same(d Call) bool {
	return c.Record == d.Record && c.For == d.For && c.Operation == d.Operation && c.Method == d.Method && lowerIDs(c.Path) == lowerIDs(d.Path) &&
		lowerIDs(string(compact(c.Body))) == lowerIDs(string(compact(d.Body)))
}

var guid = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// lowerIDs lowers the GUIDs of a text: Cin7 gives the same one in either case.
func lowerIDs(s string) string { return guid.ReplaceAllStringFunc(s, strings.ToLower) }

func compact(b json.RawMessage) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return b
	}
	return out.Bytes()
}

// Outcome is where a record will stand.
type Outcome struct {
	Record  string      `json:"record"`
	Number  string      `json:"number,omitempty"`
	Party   string      `json:"party,omitempty"`
	State   queue.State `json:"state"`
	Reason  string      `json:"reason,omitempty"`
	Message string      `json:"message,omitempty"`
	Fix     string      `json:"fix,omitempty"`
}

// Source is a unit as both systems had it when the plan was made.
type Source struct {
	Record   string `json:"record"`
	NetSuite string `json:"netsuite"` // hash of what NetSuite says, with the settings that count
	Cin7     string `json:"cin7"`     // hash of what Cin7 holds, "" when it holds nothing
}

// OpenEnd says why the plan of a unit stops early.
type OpenEnd struct {
	Record string `json:"record"`
	Why    string `json:"why"`
}

// seal completes a plan.
func (p *Plan) seal() {
	if p.Calls == nil {
		p.Calls = []Call{}
	}
	if p.Outcomes == nil {
		p.Outcomes = []Outcome{}
	}
	if p.Sources == nil {
		p.Sources = []Source{}
	}
	if p.Open == nil {
		p.Open = []OpenEnd{}
	}
	p.Hash = p.sum()
}

func (p *Plan) sum() string {
	probe := *p
	probe.Hash = ""
	// Indentation, such as that of a file, must not count.
	probe.Calls = slices.Clone(p.Calls)
	for i := range probe.Calls {
		probe.Calls[i].Body = compact(probe.Calls[i].Body)
	}
	b, err := json.Marshal(probe)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ReadPlan reads a plan and refuses one that was changed since it was made.
func ReadPlan(b []byte) (*Plan, error) {
	var p Plan
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("read the plan: it ends too early, as a file does that was cut short: make a new one")
	case err != nil:
		return nil, fmt.Errorf("read the plan: %w: it is no plan, or was changed after it was made: make a new one", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the plan: something follows its end: it was changed after it was made, make a new one")
	}
	if p.Schema != PlanSchema {
		return nil, fmt.Errorf("read the plan: schema %.60q, want %s: make a new plan with this version of the program", p.Schema, PlanSchema)
	}
	if p.Hash == "" || p.Hash != p.sum() {
		return nil, errors.New("the plan's hash does not fit its contents: it was changed after it was made; make a new one")
	}
	return &p, nil
}

// callOf is the request that an operation sends (as package cin7 does).
func callOf(owner queue.Ref, o op) (Call, error) {
	c := Call{Record: owner.String(), For: o.For.String(), Operation: o.Kind, Why: o.Why, Method: http.MethodPost}
	var body any
	remove := func(path, key string, void ...bool) {
		q := url.Values{key: {o.Task}}
		if len(void) > 0 {
			q.Set("Void", strconv.FormatBool(void[0]))
		}
		c.Method, c.Path = http.MethodDelete, path+"?"+q.Encode()
	}
	switch o.Kind {
	case opCreatePurchase:
		c.Path, body = "advanced-purchase", o.Header
	case opSetRate:
		c.Method, c.Path, body = http.MethodPut, "advanced-purchase", o.Update
	case opVoidPurchase, opVoidStray, opUndoPurchase:
		remove("advanced-purchase", "ID", o.Kind != opUndoPurchase)
	case opPostOrder:
		c.Path, body = "purchase/order", o.Order
	case opDraftInvoice, opAuthoriseInvoice:
		c.Path, body = "advanced-purchase/invoice", o.Invoice
	case opUndoInvoice, opVoidInvoice:
		remove("advanced-purchase/invoice", "TaskID", o.Kind == opVoidInvoice)
	case opPostStock, opDraftStock:
		c.Path, body = "advanced-purchase/stock", o.Stock
	case opReplaceStock:
		c.Method, c.Path, body = http.MethodPut, "advanced-purchase/stock", o.Stock
	case opVoidStock:
		remove("advanced-purchase/stock", "TaskID", true)
	case opPostPutAway, opDraftPutAway:
		c.Path, body = "advanced-purchase/put-away", o.Stock
	case opDraftCredit, opAuthoriseCredit:
		c.Path, body = "advanced-purchase/creditnote", o.Credit
	case opVoidCredit:
		remove("advanced-purchase/creditnote", "TaskID")
	case opDraftJournal:
		c.Path, body = "journal", o.Journal
	case opReplaceJournal, opCompleteJournal:
		c.Method, c.Path, body = http.MethodPut, "journal", o.Journal
	case opUndoJournal, opVoidJournal:
		remove("journal", "ID", o.Kind == opVoidJournal)
	default:
		return c, fmt.Errorf("%s for %s: no request is known for it", o.Kind, owner)
	}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return c, fmt.Errorf("encode %s for %s: %w", o.Kind, owner, err)
		}
		c.Body = b
	}
	return c, nil
}

// supplierCall is the request that makes or changes a supplier.
func supplierCall(vendor queue.Ref, operation, why string, body cin7.Supplier) (Call, error) {
	c := Call{Record: vendor.String(), For: vendor.String(), Operation: operation, Why: why, Method: http.MethodPost, Path: "supplier"}
	if operation == opUpdateSupplier {
		c.Method = http.MethodPut
	}
	b, err := json.Marshal(body)
	c.Body = b
	return c, err
}

// naming gives the names of a plan to GUIDs that Cin7 gave since: to purchases,
// suppliers and journals by their value, to groups, credit notes and batches
// by their place. One GUID may be both a purchase's and a group's, so the
// field that it stands in decides.
type naming struct {
	id                  func(string) string
	group, credit, card func(string) string
}

func (o op) named(n naming) op {
	switch {
	case o.Header != nil:
		h := *o.Header
		h.SupplierID = n.id(h.SupplierID)
		o.Header = &h
	case o.Update != nil:
		b := *o.Update
		b.ID = n.id(b.ID)
		o.Update = &b
	case o.Order != nil:
		b := *o.Order
		b.TaskID = n.id(b.TaskID)
		o.Order = &b
	case o.Invoice != nil:
		b := *o.Invoice
		b.PurchaseID, b.TaskID = n.id(b.PurchaseID), n.group(b.TaskID)
		o.Invoice = &b
	case o.Stock != nil:
		b := *o.Stock
		b.PurchaseID, b.TaskID = n.id(b.PurchaseID), n.group(b.TaskID)
		o.Stock = &b
	case o.Credit != nil:
		b := *o.Credit
		b.PurchaseID, b.TaskID, b.Unstock = n.id(b.PurchaseID), n.credit(b.TaskID), slices.Clone(b.Unstock)
		for i := range b.Unstock {
			b.Unstock[i].CardID = n.card(b.Unstock[i].CardID)
		}
		o.Credit = &b
	case o.Journal != nil:
		b := *o.Journal
		b.TaskID = n.id(b.TaskID)
		o.Journal = &b
	}
	switch o.Kind {
	case opUndoInvoice, opVoidInvoice, opVoidStock:
		o.Task = n.group(o.Task)
	case opVoidCredit:
		o.Task = n.credit(o.Task)
	default:
		o.Task = n.id(o.Task)
	}
	return o
}

// supplierHash names a supplier as Cin7 holds it.
func supplierHash(s cin7.Supplier) string {
	b, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return hashOf(lowerIDs(string(b)))
}

// journalsHash names the journals of a document; "" when there are none.
func journalsHash(list []cin7.Journal) string {
	if len(list) == 0 {
		return ""
	}
	b, err := json.Marshal(list)
	if err != nil {
		return ""
	}
	return hashOf(lowerIDs(string(b)))
}

func goodsKey(l cin7.StockLine) string {
	return strings.ToLower(strings.Join([]string{string(l.Date), l.ProductID, l.Quantity.String(), l.LocationID, l.BatchSN, l.CardID}, "\x00"))
}

// pictureHash names a purchase as Cin7 holds it; the order of lines, which
// Cin7 does not keep, does not count.
func pictureHash(p *cin7.Purchase) string {
	if p == nil {
		return ""
	}
	q := clonePurchase(*p)
	byText := func(l, m cin7.Line) int { return strings.Compare(lineText(l), lineText(m)) }
	charges := func(l, m cin7.Charge) int { return strings.Compare(chargeText(l), chargeText(m)) }
	goods := func(l, m cin7.StockLine) int { return strings.Compare(goodsKey(l), goodsKey(m)) }
	q.Order.Lines, q.Order.AdditionalCharges = slices.Clone(q.Order.Lines), slices.Clone(q.Order.AdditionalCharges)
	slices.SortFunc(q.Order.Lines, byText)
	slices.SortFunc(q.Order.AdditionalCharges, charges)
	for i := range q.Invoice {
		x := &q.Invoice[i]
		x.Lines, x.AdditionalCharges = slices.Clone(x.Lines), slices.Clone(x.AdditionalCharges)
		slices.SortFunc(x.Lines, byText)
		slices.SortFunc(x.AdditionalCharges, charges)
	}
	for i := range q.CreditNote {
		x := &q.CreditNote[i]
		x.Lines, x.AdditionalCharges, x.Unstock = slices.Clone(x.Lines), slices.Clone(x.AdditionalCharges), slices.Clone(x.Unstock)
		slices.SortFunc(x.Lines, byText)
		slices.SortFunc(x.AdditionalCharges, charges)
		slices.SortFunc(x.Unstock, goods)
	}
	for _, list := range [][]cin7.StockTask{q.StockReceived, q.PutAway} {
		for i := range list {
			list[i].Lines = slices.Clone(list[i].Lines)
			slices.SortFunc(list[i].Lines, goods)
		}
	}
	b, err := json.Marshal(q)
	if err != nil {
		return ""
	}
	return hashOf(lowerIDs(string(b)))
}
