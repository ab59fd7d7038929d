package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/netsuite/netsuitetest"
)

// addAlone makes a bill without an order: 45.00 for the office, in Cin7 as a
// journal that edit may change. Without one it is in NetSuite alone.
func (b *books) addAlone(journals ...func(*cin7test.Journal)) *doc {
	d := &doc{vendor: b.vendors[0], bill: b.id(), number: "RENT-1", date: "2026-11-09"}
	b.world.NetSuite.PutBill(netsuitetest.Bill{ID: d.bill, Number: d.number, Vendor: d.vendor.id, Date: d.date, Due: d.date, Rate: "1",
		Lines: []netsuitetest.BillLine{{Account: office, Amount: "45.00"}}})
	for _, edit := range journals {
		j := cin7test.Journal{Status: "COMPLETED", Currency: "USD", Date: d.date, Narration: "NetSuite bill RENT-1 of " + d.vendor.name,
			Notes: fmt.Sprintf("NS:vendorbill:%d@%s", d.bill, distributor.NetSuiteAccount),
			Lines: []cin7test.JournalLine{{Debit: "429", Credit: "2000", Amount: units(45), BaseAmount: units(45), Reference: "NS line 1"}}}
		edit(&j)
		b.world.Cin7.PutJournal(j)
	}
	b.docs = append(b.docs, d)
	return d
}

// posted changes the ledger rows of a journal and leaves its lines as they are.
func posted(change func([]cin7test.Transaction) []cin7test.Transaction) func(*cin7test.Journal) {
	return func(j *cin7test.Journal) {
		j.TaskID, j.Number = "eeeeeeee-0000-4000-8000-000000000001", "JN-09001"
		var rows []cin7test.Transaction
		for _, l := range j.Lines {
			rows = append(rows, cin7test.Transaction{TaskID: j.TaskID, Type: "Journal", Transaction: j.Narration, Reference: j.Number, EffectiveDate: j.Date,
				DebitAccountCode: l.Debit, CreditAccountCode: l.Credit, Amount: l.BaseAmount})
		}
		j.Posted = change(rows)
	}
}

// Defects in journals of bills without an order, each found as what it is; a
// right one shows nothing.
func TestPlantedJournalDefects(t *testing.T) {
	right := func(*cin7test.Journal) {}
	cases := []struct {
		name  string
		plant func(b *books)
		want  []string
	}{
		{"right", func(b *books) { b.addAlone(right) }, nil},
		{"missing", func(b *books) { b.addAlone() }, []string{"only_in_netsuite/missing vendorbill RENT-1 45.00"}},
		{"parked", func(b *books) {
			d := b.addAlone()
			b.note("vendorbill", d.bill, "state", "parked", "reason", "unmapped_account", "message", "no account")
		}, []string{"parked/unmapped_account vendorbill RENT-1 45.00"}},
		{"doubled", func(b *books) { b.addAlone(right, right) }, []string{"only_in_cin7/doubled journal RENT-1 -45.00"}},
		{"wrong account", func(b *books) { b.addAlone(func(j *cin7test.Journal) { j.Lines[0].Debit = "465" }) }, []string{"edited_in_cin7/account vendorbill RENT-1 0.00"}},
		{"wrong amount", func(b *books) {
			b.addAlone(func(j *cin7test.Journal) { j.Lines[0].Amount, j.Lines[0].BaseAmount = units(47), units(47) })
		}, []string{"edited_in_cin7/amount vendorbill RENT-1 -2.00"}},
		{"another day", func(b *books) { b.addAlone(func(j *cin7test.Journal) { j.Date = "2026-11-10" }) }, []string{"timing/date vendorbill RENT-1 0.00"}},
		{"in the next month", func(b *books) { b.addAlone(func(j *cin7test.Journal) { j.Date = "2026-12-02" }) }, []string{"timing/period vendorbill RENT-1 45.00"}},
		{"in another month of the period", func(b *books) {
			b.in.To = "2026-12-31"
			b.addAlone(func(j *cin7test.Journal) { j.Date = "2026-12-02" })
		}, []string{"timing/period vendorbill RENT-1 0.00"}},
		{"in another month in NetSuite", func(b *books) {
			d := b.addAlone(right)
			b.changeBill(d, func(x *netsuitetest.Bill) { x.Date = "2026-10-30" })
		}, []string{"timing/period vendorbill RENT-1 -45.00"}},
		{"voided in Cin7", func(b *books) { b.addAlone(func(j *cin7test.Journal) { j.Status = cin7test.Voided }) }, []string{"edited_in_cin7/voided_in_cin7 vendorbill RENT-1 45.00"}},
		{"undone in Cin7", func(b *books) { b.addAlone(func(j *cin7test.Journal) { j.Status = cin7test.Draft }) }, []string{"edited_in_cin7/undone_in_cin7 vendorbill RENT-1 45.00"}},
		{"the ledger holds another account than the journal", func(b *books) {
			b.addAlone(posted(func(p []cin7test.Transaction) []cin7test.Transaction { p[0].DebitAccountCode = "465"; return p }))
		},
			[]string{"unexplained/ledger vendorbill RENT-1 0.00"}},
		{"the ledger holds another amount than the journal", func(b *books) {
			b.addAlone(posted(func(p []cin7test.Transaction) []cin7test.Transaction { p[0].Amount = units(48); return p }))
		},
			[]string{"unexplained/ledger vendorbill RENT-1 -3.00"}},
		{"the ledger holds a row of the journal twice", func(b *books) {
			b.addAlone(posted(func(p []cin7test.Transaction) []cin7test.Transaction { return append(p, p[0]) }))
		},
			[]string{"unexplained/ledger vendorbill RENT-1 -45.00"}},
		{"the ledger holds a part of the journal, which is wrong too", func(b *books) {
			b.addAlone(func(j *cin7test.Journal) {
				j.Lines[0].Amount, j.Lines[0].BaseAmount = units(47), units(47)
				posted(func(p []cin7test.Transaction) []cin7test.Transaction { p[0].Amount = units(40); return p })(j)
			})
		}, []string{"edited_in_cin7/amount vendorbill RENT-1 -2.00", "unexplained/ledger vendorbill RENT-1 7.00"}},
		{"the ledger holds the journal in another month", func(b *books) {
			b.in.To = "2026-12-31"
			b.addAlone(posted(func(p []cin7test.Transaction) []cin7test.Transaction { p[0].EffectiveDate = "2026-12-02"; return p }))
		}, []string{"timing/period vendorbill RENT-1 0.00"}},
		{"the ledger holds nothing of the journal", func(b *books) {
			b.addAlone(posted(func([]cin7test.Transaction) []cin7test.Transaction { return []cin7test.Transaction{} }))
		},
			[]string{"unexplained/no_ledger_rows vendorbill RENT-1 45.00"}},
		{"deleted in NetSuite", func(b *books) {
			d := b.addAlone(right)
			b.world.NetSuite.Delete("vendorbill", d.bill)
		}, []string{"only_in_cin7/gone_from_netsuite journal JN-00001 -45.00"}},
		{"voided in NetSuite", func(b *books) {
			d := b.addAlone(right)
			b.changeBill(d, func(x *netsuitetest.Bill) { x.Voided = true })
		}, []string{"only_in_cin7/not_posted_in_netsuite vendorbill RENT-1 -45.00"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBooks(t, 5)
			c.plant(b)
			if d := cmp.Diff(found(b), c.want); d != "" {
				t.Errorf("differences (-got +want):\n%s", d)
			}
			checkAgainstOracle(t, b)
		})
	}
	defects, kinds := 0, map[string]bool{}
	count := func(want []string) {
		if len(want) > 0 {
			defects++
		}
		for _, w := range want {
			kinds[strings.Fields(w)[0]] = true
		}
	}
	for _, c := range cases {
		count(c.want)
	}
	for _, c := range planted {
		count(c.want)
	}
	soak.Figure(t, "reconcile: planted defects, of journals and others", "%d, of %d kinds (class and kind of the difference); each found, no other reported", defects, len(kinds))
}
