package handlers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// goldenIn is a pair's first half: what NetSuite says, and settings that are
// not those of aTenant. A vendor alone becomes a supplier, a bill without an
// order a purchase or a journal of its own.
type goldenIn struct {
	About    string
	Settings json.RawMessage // of tenant.Sync
	LockDate cin7.Date
	Vendor   netsuite.Vendor
	Contacts []netsuite.Contact
	PO       *netsuite.PurchaseOrder
	Bills    []netsuite.Bill
	Receipts []netsuite.Receipt
	Credits  []netsuite.Bill
}

// goldenOut is the second half: the bodies that Cin7 gets, and what is held
// back. TaskIDs are the plan's to fill in.
type goldenOut struct {
	Supplier    *cin7.Supplier       `json:",omitempty"`
	Purchase    *cin7.NewPurchase    `json:",omitempty"`
	Order       *cin7.NewOrder       `json:",omitempty"`
	Invoices    []cin7.NewInvoice    `json:",omitempty"`
	Stock       []cin7.NewStock      `json:",omitempty"`
	CreditNotes []cin7.NewCreditNote `json:",omitempty"`
	Journal     *cin7.Journal        `json:",omitempty"`
	Void        string               `json:",omitempty"`
	Held        map[string]string    `json:",omitempty"` // record -> reason: message
}

// goldenLists are Cin7's names of the golden pairs.
func goldenLists() *reference {
	r := aReference()
	r.Me.Currency = "USD"
	r.Chart = append(r.Chart, cin7.Account{Code: "1370", Name: "Tax Receivable", Class: "ASSET", Status: "ACTIVE"})
	r.Taxes[0].TaxPercent = num("10")
	r.Taxes = append(r.Taxes, cin7.TaxRule{Name: "VAT 20", IsActive: true, IsTaxForPurchase: true, TaxPercent: num("20")},
		cin7.TaxRule{Name: "Exempt", IsActive: true, IsTaxForPurchase: true})
	r.Services["rounding"] = cin7.Product{ID: "s2", SKU: "ROUND", Name: "Rounding", Type: "Service"}
	r.Services["inbound freight"] = cin7.Product{ID: "s3", SKU: "FREIGHT", Name: "Inbound freight", Type: "Service"}
	web := r.Products["WEB"]
	web.UOM = "Metre"
	r.Products["WEB"] = web
	r.Units = []netsuite.Unit{{ID: 1, Type: 1, Name: "Metre", Rate: dec("1")}, {ID: 2, Type: 1, Name: "Roll", Rate: dec("50")}, {ID: 3, Type: 2, Name: "Each", Rate: dec("1")}, {ID: 4, Type: 2, Name: "Dozen", Rate: dec("12")}}
	return r
}

// turned is what becomes of a pair's first half.
func (in goldenIn) turned(t *testing.T) goldenOut {
	t.Helper()
	tn := aTenant(func(tn *tenant.Tenant) {
		tn.Sync.Mapping.Charges["5100"] = "Inbound freight"
		tn.Sync.StandaloneBills = tenant.StandalonePurchase
		if len(in.Settings) > 0 {
			if err := json.Unmarshal(in.Settings, &tn.Sync); err != nil {
				t.Fatal(err)
			}
		}
	})
	if tn.Sync.ApproveAbove != "" {
		tn.ApproveLimit = dec(tn.Sync.ApproveAbove)
	}
	refs := goldenLists()
	refs.Me.LockDate = in.LockDate
	out := goldenOut{Held: map[string]string{}}
	if in.PO == nil && len(in.Bills) == 0 {
		s, p := wantSupplier(tn, refs, in.Vendor, in.Contacts...)
		if p != nil {
			out.Held[ref(netsuite.TypeVendor, in.Vendor.ID).String()] = p.Error()
			return out
		}
		out.Supplier = &s
		return out
	}
	if in.PO == nil && tn.Sync.StandaloneBills == tenant.StandaloneJournal {
		j, err := journalOf(tn, refs, in.Bills[0], in.Vendor.Name())
		if err != nil {
			out.Held[ref(netsuite.TypeVendorBill, in.Bills[0].ID).String()] = err.Error()
			return out
		}
		out.Journal = &j.Body
		return out
	}
	s := sources{Vendor: in.Vendor, Bills: in.Bills, Receipts: in.Receipts, Credits: in.Credits}
	owner := netsuite.TypeVendorBill
	var w *want
	var err error
	if in.PO != nil {
		s.PO, owner = *in.PO, netsuite.TypePurchaseOrder
		w, err = wantPurchase(tn, refs, "SUPPLIER", s)
	} else {
		s.PO.ID = in.Bills[0].ID
		w, err = wantStandalone(tn, refs, "SUPPLIER", s)
	}
	if err != nil {
		out.Held[ref(owner, s.PO.ID).String()] = err.Error()
		return out
	}
	for r, err := range w.Held {
		out.Held[r.String()] = err.Error()
	}
	if w.Void != "" {
		out.Void = w.Void
		return out
	}
	out.Purchase, out.Order = &w.Header, &w.Order
	for _, i := range w.Invoices {
		out.Invoices = append(out.Invoices, cin7.NewInvoice{InvoiceNumber: i.Number, InvoiceDate: i.Date, InvoiceDueDate: i.Due,
			Status: cin7.StatusAuthorised, Lines: i.Lines, AdditionalCharges: i.Charges})
	}
	for _, r := range w.Receipts {
		out.Stock = append(out.Stock, cin7.NewStock{Status: cin7.StatusAuthorised, Lines: r.Lines})
	}
	for _, c := range w.Credits {
		out.CreditNotes = append(out.CreditNotes, cin7.NewCreditNote{CreditNoteNumber: c.Number, CreditNoteDate: c.Date, Status: cin7.StatusAuthorised,
			Lines: c.Lines, AdditionalCharges: c.Charges, Unstock: []cin7.Unstock{}})
	}
	return out
}

// TestGolden turns testdata/golden/NAME.netsuite.json into NAME.cin7.json.
// `go test ./handlers -run TestGolden -update` writes the second halves anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.netsuite.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Errorf("%d pairs, want 30 and more", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".netsuite.json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in goldenIn
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			if err := d.Decode(&in); err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(in.turned(t), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := strings.TrimSuffix(file, ".netsuite.json") + ".cin7.json"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(got), string(want)); d != "" {
				t.Errorf("%s (-got +want)\n%s", in.About, d)
			}
		})
	}
}
