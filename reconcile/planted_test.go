package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// found is a difference in short: class/kind type number amount.
func found(b *books) []string {
	var out []string
	for _, x := range b.run().Differences {
		s := fmt.Sprintf("%s/%s %s %s", x.Class, x.Kind, x.Type, x.Number)
		if x.Goods != nil {
			s = fmt.Sprintf("%s/%s %s %s", x.Class, x.Kind, x.Goods.SKU, x.Goods.Difference)
		} else {
			s += " " + x.Base.StringFixed(2)
		}
		out = append(out, s)
	}
	return out
}

func units(n int64) decimal.Decimal { return decimal.NewFromInt(n) }

func TestCleanBooksShowNothing(t *testing.T) {
	for name, edit := range map[string]func(*distributor.Options){
		"as it comes":              func(*distributor.Options) {},
		"tax per document":         func(o *distributor.Options) { o.Cin7.TaxMethod = "Total" },
		"two accounting books":     func(o *distributor.Options) { o.NetSuite.MultiBook = true },
		"SuiteTax":                 func(o *distributor.Options) { o.NetSuite.SuiteTax = true },
		"upper case, bare numbers": func(o *distributor.Options) { o.NetSuite.UpperCaseKeys, o.NetSuite.OracleNumbers = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t, 24, edit)
			r := b.run()
			if len(r.Differences) > 0 || !r.OK {
				t.Errorf("differences: %v", found(b))
			}
			if r.Totals.NetSuite.IsZero() || !r.Totals.NetSuite.Equal(r.Totals.Cin7) {
				t.Errorf("totals %s and %s, want two equal ones", r.Totals.NetSuite, r.Totals.Cin7)
			}
			if r.Calls.Documents != 0 {
				t.Errorf("%d purchases were read one by one, want none", r.Calls.Documents)
			}
			if r.Goods.Orders != 24 || !r.Goods.NetSuite.Equal(r.Goods.Cin7) {
				t.Errorf("goods %+v", r.Goods)
			}
			b.in.Deep = true
			if got := found(b); len(got) > 0 {
				t.Errorf("deep: %v", got)
			}
			b.in.Records, b.in.Deep = nil, false
			if got := found(b); len(got) > 0 {
				t.Errorf("without what the service knows: %v", got)
			}
		})
	}
}

// planted are defects in clean books, and the differences that they must show
// as: these and no others.
var planted = []struct {
	name  string
	plant func(b *books, d *doc) // d is document 0, in USD with tax: 100.15 and 10.00 of tax in all
	want  []string
	deep  bool
}{
	{"missing in Cin7", func(b *books, d *doc) {
		n := b.add(24) // in NetSuite alone
		b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
	}, []string{"only_in_netsuite/missing vendorbill B-00024 BILL24"}, false},
	{"invoice voided in Cin7", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Status, p.Groups[0].Invoice.Lines, p.Groups[0].Invoice.Charges = cin7test.Voided, nil, nil
		})
	}, []string{"edited_in_cin7/voided_in_cin7 vendorbill B-00000 BILL"}, false},
	{"purchase voided in Cin7", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Voided = true
			p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.Voided}
			p.Groups[0].Stock, p.Groups[0].PutAway = cin7test.Stock{Status: cin7test.Voided}, cin7test.Stock{Status: cin7test.Voided}
		})
	}, []string{"edited_in_cin7/voided_in_cin7 vendorbill B-00000 BILL", "edited_in_cin7/voided_in_cin7 BKL-25-ACT 13", "edited_in_cin7/voided_in_cin7 WEB-25-BLK 10"}, false},
	{"invoice undone to a draft", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Status = cin7test.Draft })
	}, []string{"edited_in_cin7/undone_in_cin7 vendorbill B-00000 BILL"}, false},
	{"invoice doubled in a second group", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			g := p.Groups[0]
			g.TaskID, g.Number, g.Stock, g.PutAway = "bbbbbbbb-0000-4000-8000-000000000001", 1, cin7test.Stock{Status: cin7test.NotAvailable}, cin7test.Stock{Status: cin7test.NotAvailable}
			p.Groups = append(p.Groups, g)
		})
	}, []string{"only_in_cin7/doubled vendorbill B-00000 -BILL"}, false},
	{"purchase doubled", func(b *books, d *doc) { b.world.Cin7.PutPurchase(d.newPurchase()) },
		[]string{"only_in_cin7/doubled vendorbill B-00000 -BILL"}, false},
	{"line on a wrong account", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Account = "465" })
	}, []string{"edited_in_cin7/account vendorbill B-00000 0.00"}, false},
	{"line on an account of an older mapping", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Account = "465" })
		b.note("vendorbill", d.bill, "state", "completed", "f:accounts", "1200,465,429")
	}, []string{"older_mapping/account vendorbill B-00000 0.00"}, false},
	{"line on a wrong account in a foreign currency", func(b *books, _ *doc) {
		b.edit(b.docs[2], func(p *cin7test.Purchase) { p.Groups[0].Invoice.Charges[0].Account = "465" })
	}, []string{"edited_in_cin7/account vendorbill B-00002 0.00"}, false},
	{"amount too high", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Charges[0].Total = p.Groups[0].Invoice.Charges[0].Total.Add(units(7))
		})
	}, []string{"edited_in_cin7/amount vendorbill B-00000 -7.00"}, false},
	{"amount too low in a foreign currency", func(b *books, _ *doc) {
		b.edit(b.docs[2], func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Charges[0].Total = p.Groups[0].Invoice.Charges[0].Total.Sub(units(8))
		})
	}, []string{"edited_in_cin7/amount vendorbill B-00002 8.70"}, false},
	{"amount wrong in an invoice that a person made", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Note = "typed by hand"
			p.Groups[0].Invoice.Lines[0].Total = p.Groups[0].Invoice.Lines[0].Total.Add(units(3))
		})
	}, []string{"unexplained/amount vendorbill B-00000 -3.00"}, false},
	{"posted in the next month", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Date = "2026-12-02" })
	}, []string{"timing/period vendorbill B-00000 BILL"}, false},
	{"posted in another month of the period", func(b *books, d *doc) {
		b.in.To = "2026-12-31"
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Date = "2026-12-02" })
	}, []string{"timing/period vendorbill B-00000 0.00"}, false},
	{"posted on another day", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Date = "2026-11-29" })
	}, []string{"timing/date vendorbill B-00000 0.00"}, false},
	{"dated before the period in NetSuite", func(b *books, d *doc) {
		b.changeBill(d, func(x *netsuitetest.Bill) { x.Date = "2026-10-30" })
	}, []string{"timing/period vendorbill B-00000 -BILL"}, false},
	{"wrong rate", func(b *books, _ *doc) {
		b.edit(b.docs[2], func(p *cin7test.Purchase) { p.CurrencyRate = decimal.RequireFromString("1.1000") })
	}, []string{"exchange_rate/rate vendorbill B-00002 -0.79"}, false},
	{"wrong tax", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Lines[0].Tax = p.Groups[0].Invoice.Lines[0].Tax.Add(units(2))
		})
	}, []string{"tax/tax_amount vendorbill B-00000 -2.00"}, false},
	{"wrong tax and wrong amount", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Lines[0].Tax = p.Groups[0].Invoice.Lines[0].Tax.Add(units(2))
			p.Groups[0].Invoice.Charges[0].Total = p.Groups[0].Invoice.Charges[0].Total.Add(units(7))
		})
	}, []string{"edited_in_cin7/amount vendorbill B-00000 -7.00", "tax/tax_amount vendorbill B-00000 -2.00"}, false},
	{"a cent of tax", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Lines[0].Tax = p.Groups[0].Invoice.Lines[0].Tax.Add(decimal.New(1, -2))
		})
	}, []string{"rounding/document vendorbill B-00000 -0.01"}, false},
	{"a cent of conversion", func(b *books, _ *doc) {
		if err := b.world.NetSuite.Exec(`UPDATE transactionaccountingline SET amount = amount + 0.01 WHERE "transaction" = ? AND transactionline = 2`, b.docs[2].bill); err != nil {
			b.t.Fatal(err)
		}
		if err := b.world.NetSuite.Exec(`UPDATE transactionaccountingline SET amount = amount - 0.01 WHERE "transaction" = ? AND transactionline = 0`, b.docs[2].bill); err != nil {
			b.t.Fatal(err)
		}
	}, []string{"rounding/base_currency vendorbill B-00002 0.01"}, false},
	{"credit missing", func(b *books, _ *doc) {
		b.edit(b.docs[4], func(p *cin7test.Purchase) { p.CreditNotes = nil })
	}, []string{"only_in_netsuite/missing vendorcredit CR-00004 -8.00"}, false},
	{"credit parked", func(b *books, _ *doc) {
		b.edit(b.docs[4], func(p *cin7test.Purchase) { p.CreditNotes = nil })
		b.note("vendorcredit", b.docs[4].credit, "state", "parked", "reason", "cin7_refused", "message", "names no bill")
	}, []string{"parked/cin7_refused vendorcredit CR-00004 -8.00"}, false},
	{"credit too high", func(b *books, _ *doc) {
		b.edit(b.docs[4], func(p *cin7test.Purchase) { p.CreditNotes[0].Charges[0].Total = units(9) })
	}, []string{"edited_in_cin7/amount vendorcredit CR-00004 1.00"}, false},
	{"credit doubled", func(b *books, _ *doc) { b.docs[4].creditInCin7(b) },
		[]string{"only_in_cin7/doubled vendorcredit CR-00004 8.00"}, false},
	{"receipt short", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Stock.Lines[0].Quantity, p.Groups[0].PutAway.Lines[0].Quantity = units(6), units(6)
		})
		b.note("itemreceipt", d.receipt, "state", "completed")
	}, []string{"edited_in_cin7/receipt_short WEB-25-BLK 4"}, false},
	{"received beyond the order, seen by a deep run", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Stock.Lines[0].Quantity, p.Groups[0].PutAway.Lines[0].Quantity = units(15), units(15)
		})
	}, []string{"only_in_cin7/receipt_over WEB-25-BLK -5"}, true},
	{"received before the bill", func(b *books, d *doc) {
		b.changeBill(d, func(x *netsuitetest.Bill) { x.Status = "D" })
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable}
			p.Groups[0].Stock, p.Groups[0].PutAway = cin7test.Stock{Status: cin7test.NotAvailable}, cin7test.Stock{Status: cin7test.NotAvailable}
		})
	}, []string{"received_not_billed/receipt BKL-25-ACT 13", "received_not_billed/receipt WEB-25-BLK 10"}, false},
	{"voided in NetSuite", func(b *books, d *doc) {
		b.changeBill(d, func(x *netsuitetest.Bill) { x.Voided = true })
	}, []string{"only_in_cin7/not_posted_in_netsuite vendorbill B-00000 -BILL"}, false},
	{"voided in NetSuite, and parked for that", func(b *books, d *doc) {
		b.changeBill(d, func(x *netsuitetest.Bill) { x.Voided = true })
		b.note("vendorbill", d.bill, "state", "parked", "reason", "voided_after_post", "message", "was voided")
	}, []string{"parked/voided_after_post vendorbill B-00000 -BILL"}, false},
	{"approval withdrawn in NetSuite", func(b *books, d *doc) {
		b.changeBill(d, func(x *netsuitetest.Bill) { x.Status = "D" })
	}, []string{"only_in_cin7/not_posted_in_netsuite vendorbill B-00000 -BILL"}, false},
	{"deleted in NetSuite", func(b *books, d *doc) { b.world.NetSuite.Delete("vendorbill", d.bill) },
		[]string{"only_in_cin7/gone_from_netsuite vendorbill B-00000 -BILL"}, false},
	{"entered in Cin7 by hand", func(b *books, d *doc) {
		p := d.newPurchase()
		p.Note, p.Groups[0].Invoice.Number = "", "HAND-1"
		b.world.Cin7.PutPurchase(p)
	}, []string{"only_in_cin7/by_hand vendorbill HAND-1 -BILL"}, false},
	{"journal on a purchase", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Manual.Posted = []cin7test.Transaction{{TaskID: p.ID, Type: "Purchase", Transaction: p.Supplier + " - manual journal", Reference: "landed cost",
				EffectiveDate: "2026-11-20", DebitAccountCode: "1200", CreditAccountCode: "5100", Amount: units(12)}}
		})
	}, []string{"only_in_cin7/manual_journal ledger landed cost 0.00"}, false},
	{"general journal between two expense accounts", func(b *books, _ *doc) {
		b.world.Cin7.PutJournal(cin7test.Journal{Status: "COMPLETED", Currency: "USD", Date: "2026-11-20", Narration: "reclass", Lines: []cin7test.JournalLine{{Debit: "465", Credit: "429", Amount: units(30), BaseAmount: units(30)}}})
	}, []string{"only_in_cin7/journal journal JN-00001 0.00"}, false},
	{"parked for an unmapped account", func(b *books, _ *doc) {
		n := b.add(24)
		b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
		b.changeBill(n, func(x *netsuitetest.Bill) { x.Lines[2].Account = 169 })
		b.note("vendorbill", n.bill, "state", "parked", "reason", "unmapped_account", "message", "no active Cin7 account")
	}, []string{"parked/unmapped_account vendorbill B-00024 BILL24"}, false},
	{"waits for its receipt", func(b *books, _ *doc) {
		n := b.add(24)
		b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
		b.note("vendorbill", n.bill, "state", "waiting", "reason", "receipt", "message", "bills 10, 0 are received")
	}, []string{"waiting/receipt vendorbill B-00024 BILL24"}, false},
	{"skipped on purpose", func(b *books, _ *doc) {
		n := b.add(24)
		b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
		b.note("vendorbill", n.bill, "state", "skipped", "reason", "operator", "message", "by kim until 2026-12-31: paid by card")
	}, []string{"skipped/operator vendorbill B-00024 BILL24"}, false},
	{"dated before the start", func(b *books, d *doc) {
		b.tenant.StartDate = "2026-11-02"
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
	}, []string{"skipped/before_start vendorbill B-00000 BILL"}, false},
	{"removed without a trace", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice = cin7test.Invoice{Status: cin7test.NotAvailable} })
		b.note("vendorbill", d.bill, "state", "completed")
	}, []string{"edited_in_cin7/removed_in_cin7 vendorbill B-00000 BILL"}, false},
	{"the ledger holds another account than the invoice", func(b *books, d *doc) {
		b.ledger(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Posted[2].DebitAccountCode = "465" })
	}, []string{"unexplained/ledger vendorbill B-00000 0.00"}, false},
	{"the ledger holds another amount than the invoice", func(b *books, d *doc) {
		b.ledger(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Posted[0].Amount = p.Groups[0].Invoice.Posted[0].Amount.Add(units(3))
		})
	}, []string{"unexplained/ledger vendorbill B-00000 -3.00"}, false},
	{"the ledger holds another amount than a foreign invoice", func(b *books, _ *doc) {
		b.ledger(b.docs[2], func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Posted[0].Amount = p.Groups[0].Invoice.Posted[0].Amount.Add(units(3))
		})
	}, []string{"unexplained/ledger vendorbill B-00002 -3.00"}, false},
	{"the ledger holds a row of the invoice twice, and the invoice is wrong too", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Charges[0].Total = p.Groups[0].Invoice.Charges[0].Total.Add(units(7))
		})
		b.ledger(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Posted = append(p.Groups[0].Invoice.Posted, p.Groups[0].Invoice.Posted[0])
		})
	}, []string{"edited_in_cin7/amount vendorbill B-00000 -7.00", "unexplained/ledger vendorbill B-00000 -24.00"}, false},
	{"the ledger holds another amount than the credit note", func(b *books, _ *doc) {
		b.ledger(b.docs[4], func(p *cin7test.Purchase) { p.CreditNotes[0].Posted[0].Amount = units(9) })
	}, []string{"unexplained/ledger vendorcredit CR-00004 1.00"}, false},
	{"an invoice was edited, and the ledger was not: seen by a deep run", func(b *books, d *doc) {
		b.ledger(d, func(p *cin7test.Purchase) {
			p.Groups[0].Invoice.Charges[0].Total = p.Groups[0].Invoice.Charges[0].Total.Add(units(7))
		})
	}, []string{"edited_in_cin7/amount vendorbill B-00000 -7.00", "unexplained/ledger vendorbill B-00000 7.00"}, true},
	{"a receipt posted to the ledger", func(b *books, d *doc) {
		b.ledger(d, func(p *cin7test.Purchase) {
			p.Groups[0].Manual.Posted = []cin7test.Transaction{{TaskID: p.ID, Type: "Purchase", Transaction: p.Supplier + " - stock received", Reference: p.OrderNumber,
				EffectiveDate: "2026-11-02", DebitAccountCode: "1200", CreditAccountCode: "1370", Amount: units(24)}}
		})
	}, []string{"only_in_cin7/manual_journal ledger PO-00001 0.00"}, false},
	{"number edited in Cin7: no difference of money", func(b *books, d *doc) {
		b.edit(d, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Number = "TYPO-1" })
	}, nil, false},
	{"supplier renamed in Cin7: no difference of money", func(b *books, _ *doc) {
		for _, d := range b.docs {
			if d.vendor == b.vendors[1] {
				b.edit(d, func(p *cin7test.Purchase) { p.Supplier = "Bolt and Buckle" })
			}
		}
	}, nil, false},
	{"a namesake of another vendor: no difference", func(b *books, _ *doc) {
		n := b.add(25) // vendor 1
		n.number = "B-00000"
		b.changeBill(n, func(x *netsuitetest.Bill) { x.Number = "B-00000" })
		b.edit(n, func(p *cin7test.Purchase) { p.Groups[0].Invoice.Number = "B-00000" })
	}, nil, false},
}

func TestPlantedDefects(t *testing.T) {
	for _, tc := range planted {
		t.Run(tc.name, func(t *testing.T) {
			b := newBooks(t, 12)
			b.in.Deep = tc.deep
			tc.plant(b, b.docs[0])
			got := found(b)
			var want []string
			for _, w := range tc.want {
				w = strings.Replace(w, "BILL24", amountOf(b, "B-00024"), 1)
				w = strings.Replace(w, "BILL", amountOf(b, "B-00000"), 1)
				want = append(want, w)
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("differences (-got +want):\n%s", diff)
			}
			checkAgainstOracle(t, b)
		})
	}
}

// amountOf is the bill of a document in base currency.
func amountOf(b *books, number string) string {
	for _, d := range b.docs {
		if d.number == number {
			sum := d.tax
			for _, l := range d.lines {
				sum += l.cents
			}
			return text(sum)
		}
	}
	return "?"
}

// Defects that come together are told apart: three of those that concern one
// bill, drawn at random, each in a bill of its own.
func TestDefectsTogether(t *testing.T) {
	var single []int
	for i, tc := range planted {
		ours := len(tc.want) > 0 && !tc.deep
		for _, other := range []string{"another month of the period", "before the start", "twice"} { // of the whole run, or of an amount of the first bill
			ours = ours && !strings.Contains(tc.name, other)
		}
		for _, w := range tc.want {
			ours = ours && strings.Contains(w, " B-00000 ")
		}
		if ours {
			single = append(single, i)
		}
	}
	if len(single) < 15 {
		t.Fatalf("%d defects concern one bill alone, want more", len(single))
	}
	worlds := soak.N(20, 300)
	rng := rand.New(rand.NewPCG(8, 8)) // the same worlds each time
	for range worlds {
		b := newBooks(t, 12)
		var want, names []string
		for k, i := range rng.Perm(len(single))[:3] {
			tc, d := planted[single[i]], b.docs[3*k] // of the first vendor
			amount := amountOf(b, d.number)
			tc.plant(b, d)
			names = append(names, tc.name)
			for _, w := range tc.want {
				want = append(want, strings.NewReplacer("B-00000", d.number, "BILL", amount).Replace(w))
			}
		}
		got := found(b)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s: differences (-got +want):\n%s", strings.Join(names, "; "), diff)
		}
		checkAgainstOracle(t, b)
	}
	soak.Figure(t, "reconcile: worlds with three defects at once", "%d, drawn from %d defects", worlds, len(single))
}
