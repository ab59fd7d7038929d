package handlers

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// rentBill is a bill without an order: 60.00 and 40.00 of freight, 10.00 of tax.
func rentBill(change ...func(*netsuite.Bill)) netsuite.Bill {
	b := aDocument(netsuite.TypeVendorBill, 51871, "CW-1", "2026-11-11", "", lines(freight("60.00"), freight("40.00")), nil)
	b.Lines = append(b.Lines, netsuite.BillLine{ID: 98, Number: 98, Kind: netsuite.LineTax, Amount: dec("10.00"), Account: netsuite.Account{ID: 5, Number: "1370", Name: "Tax Paid", Type: "OthCurrAsset"}})
	b.Total = b.Total.Add(dec("10.00"))
	for i := range b.Lines {
		b.Lines[i].PO = 0
	}
	for _, c := range change {
		c(&b)
	}
	return b
}

// A bill without an order becomes a journal that is drafted, read back and
// completed, in whatever state the news of it comes; each row is played
// against the simulator from its first version to its last.
func TestJournals(t *testing.T) {
	booked := "5100 100.00, 1370 10.00, 2000 -110.00"
	cases := []struct {
		name     string
		versions []netsuite.Bill
		repost   bool
		hand     func(*cin7test.Sim)
		lock     cin7.Date
		books    string
		verdict  string
		calls    string
	}{
		{name: "posted", versions: []netsuite.Bill{rentBill()}, books: booked, calls: "draft_journal complete_journal"},
		{name: "told twice", versions: []netsuite.Bill{rentBill(), rentBill()}, books: booked, calls: "draft_journal complete_journal"},
		{name: "pending, then approved", versions: []netsuite.Bill{rentBill(billStatus("D")), rentBill()}, books: booked, calls: "draft_journal complete_journal"},
		{name: "voided before", versions: []netsuite.Bill{rentBill(voidedDoc)}},
		{name: "voided after, park", versions: []netsuite.Bill{rentBill(), rentBill(voidedDoc)}, books: booked, verdict: "parked " + ParkVoidedAfterPost, calls: "draft_journal complete_journal"},
		{name: "voided after, void_and_repost", versions: []netsuite.Bill{rentBill(), rentBill(voidedDoc)}, repost: true, calls: "draft_journal complete_journal void_journal"},
		{name: "moved to another date, park", versions: []netsuite.Bill{rentBill(), rentBill(dated("2026-11-19"))}, books: booked, verdict: "parked " + ParkBillChanged, calls: "draft_journal complete_journal"},
		{name: "moved to another date, void_and_repost", versions: []netsuite.Bill{rentBill(), rentBill(dated("2026-11-19"))}, repost: true, books: booked, calls: "draft_journal complete_journal undo_journal replace_journal complete_journal"},
		{name: "in closed books", versions: []netsuite.Bill{rentBill(), rentBill(dated("2026-11-19"))}, repost: true, lock: "2026-11-11", books: booked, verdict: "parked " + ParkPeriodLocked, calls: "draft_journal complete_journal"},
		{name: "two marked journals", versions: []netsuite.Bill{rentBill()}, hand: func(s *cin7test.Sim) {
			for range 2 {
				s.PutJournal(cin7test.Journal{Status: "DRAFT", Currency: "USD", Date: "2026-11-11", Notes: "NS:vendorbill:51871@123_SB1"})
			}
		}, verdict: "parked " + ParkTwoCandidates},
		{name: "found again by its marker", versions: []netsuite.Bill{rentBill()}, hand: func(s *cin7test.Sim) {
			s.PutJournal(cin7test.Journal{Status: "DRAFT", Currency: "USD", Date: "2026-11-11", Notes: "NS:vendorbill:51871@123_SB1"})
		}, books: booked, calls: "replace_journal complete_journal"},
		{name: "goods", versions: []netsuite.Bill{rentBill(func(b *netsuite.Bill) { b.Lines[0].Kind, b.Lines[0].SKU = netsuite.LineItem, "WEB" })}, verdict: "parked " + ParkCin7Refused},
		{name: "a credit goes the other way", versions: []netsuite.Bill{rentBill(func(b *netsuite.Bill) { b.Type = netsuite.TypeVendorCredit })}, books: "5100 -100.00, 1370 -10.00, 2000 110.00", calls: "draft_journal complete_journal"},
		{name: "a negative line turns round", versions: []netsuite.Bill{rentBill(func(b *netsuite.Bill) { b.Lines[1].Amount, b.Total = dec("-40.00"), dec("30.00") })}, books: "5100 20.00, 1370 10.00, 2000 -30.00", calls: "draft_journal complete_journal"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			co := newCompany(t, cin7test.Options{})
			if c.hand != nil {
				c.hand(co.sim)
			}
			tn := aTenant(func(t *tenant.Tenant) { t.Sync.Mapping.Accounts = map[string]string{} })
			var known tie
			calls, verdict := []string{}, ""
			for n, d := range c.versions {
				w, err := journalOf(tn, co.refs, d, "Basin Trust")
				if err != nil {
					verdict = reasonOf(err)
					continue
				}
				var have []cin7.Journal
				reread := func() {
					if have, err = journalsOf(t.Context(), co.c7, tn.NetSuite.AccountID, w.Ref); err != nil {
						t.Fatal(err)
					}
				}
				reread()
				r := rules{Repost: c.repost}
				if n > 0 {
					r.Lock = c.lock
				}
				for range 8 {
					out := planJournal(r, w, have, known)
					verdict = ""
					if err := out.Verdicts[w.Ref]; err != nil {
						verdict = reasonOf(err)
					}
					if len(out.Ops) == 0 {
						break
					}
					o := out.Ops[0]
					calls = append(calls, o.Kind)
					if _, err := sendJournal(t.Context(), co.c7, o); err != nil {
						t.Fatal(err)
					}
					if o.Kind == opCompleteJournal {
						known = known.after(o, o.Task, 1)
					}
					reread()
				}
			}
			sums := map[string]string{}
			for _, a := range []string{"5100", "1370", "2000"} {
				sum := dec("0")
				for _, tr := range co.sim.Transactions() {
					if tr.DebitAccountCode == a {
						sum = sum.Add(tr.Amount)
					}
					if tr.CreditAccountCode == a {
						sum = sum.Sub(tr.Amount)
					}
				}
				if !sum.IsZero() {
					sums[a] = fmt.Sprintf("%s %s", a, sum.StringFixed(2))
				}
			}
			var books []string
			for _, a := range []string{"5100", "1370", "2000"} {
				if s := sums[a]; s != "" {
					books = append(books, s)
				}
			}
			got := []string{strings.Join(books, ", "), verdict, strings.Join(calls, " ")}
			if d := cmp.Diff(got, []string{c.books, c.verdict, c.calls}); d != "" {
				t.Errorf("books, verdict, calls (-got +want):\n%s", d)
			}
		})
	}
}

// In a foreign currency each line is what NetSuite's ledger says it is in base
// currency; without a ledger each is converted and the largest takes the rounding.
func TestJournalBaseAmounts(t *testing.T) {
	d := rentBill(func(b *netsuite.Bill) { b.Currency, b.ExchangeRate = "EUR", dec("1.0875") })
	w, err := journalOf(aTenant(), newCompany(t, cin7test.Options{}).refs, d, "Basin Trust")
	if err != nil {
		t.Fatal(err)
	}
	sum := dec("0")
	for _, l := range w.Body.Lines {
		sum = sum.Add(l.BaseAmount.Decimal)
	}
	if !sum.Equal(dec("119.63")) { // 110.00 x 1.0875 = 119.625
		t.Errorf("base amounts sum to %s", sum)
	}
	d.Lines[0].Amount = dec("59.00")
	if _, err := journalOf(aTenant(), newCompany(t, cin7test.Options{}).refs, d, ""); !isUnbalanced(err) {
		t.Errorf("a bill that does not add up: %v", err)
	}
}

func isUnbalanced(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Reason == ParkUnbalanced
}
