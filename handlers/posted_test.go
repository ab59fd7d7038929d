package handlers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/cin7/cin7test"
	"github.com/ml-connector/ml-connector/netsuite"
	"github.com/ml-connector/ml-connector/tenant"
)

// remap maps the account of freight anew, as version 2 of the settings.
func remap(code string) func(*run) {
	return func(r *run) {
		r.tenant.Sync.Mapping.Accounts = map[string]string{"id:" + fee.ID.String(): code}
		r.tenant.Version = 2
	}
}

// lock closes the books of Cin7 up to a day.
func lock(day string) func(*run) {
	return func(r *run) { r.refs.Me.LockDate = cin7.Date(day) }
}

// edit changes the purchase by hand in Cin7.
func edit(f func(*cin7test.Purchase)) func(*run) {
	return func(r *run) { r.event(event{hand: f}) }
}

func now(put func(*sources)) func(*run) { return func(r *run) { put(&r.s) } }

// What is posted stays as it is when only our own settings have changed since,
// whatever sync.after_post_change says; a real change of the bill goes on
// under the mapping of the day, and says under which version it was before.
func TestWhatIsPostedOutlivesTheMapping(t *testing.T) {
	goods := lines(web("100", "240.00"), freight("60.00"))
	po, b := plain(goods), bill(1, goods)
	alone := func(s *sources) { bill(1, lines(freight("60.00")))(s) }
	cases := []struct {
		name    string
		setup   func(*sources)
		changes []func(*run)
		park    bool   // sync.after_post_change: park, else void_and_repost
		verdict string // of B1
		older   bool   // B1 (or C1) is told as posted under an older version
		writes  bool   // Cin7 is written to
		says    string // the story tells it
		on      string // the account of the freight in Cin7 in the end
	}{
		{name: "another mapping", changes: []func(*run){remap("465")}, older: true, on: "5100"},
		{name: "another mapping, park", changes: []func(*run){remap("465")}, park: true, older: true, on: "5100"},
		{name: "another mapping and back", changes: []func(*run){remap("465"), remap("5100")}, on: "5100"},
		{name: "a mapping to no account", changes: []func(*run){remap("none")}, older: true, on: "5100"},
		{name: "another mapping, and the bill is paid", changes: []func(*run){remap("465"), now(bill(1, goods, billStatus("B")))}, older: true, on: "5100"},
		{name: "closed books", changes: []func(*run){lock("2026-11-30")}, older: true, on: "5100"},
		{name: "closed books, next_open_day", changes: []func(*run){func(r *run) { r.tenant.Sync.ClosedPeriod = tenant.ClosedPeriodNextDay }, lock("2026-11-30")}, older: true, on: "5100"},
		{name: "another mapping, and Cin7 is edited", changes: []func(*run){remap("465"), edit(func(p *cin7test.Purchase) {
			for i := range p.Groups {
				for j := range p.Groups[i].Invoice.Charges {
					p.Groups[i].Invoice.Charges[j].Account = "465"
				}
			}
		})}, on: "465"}, // what somebody made of it is what is wanted today
		{name: "another mapping, and Cin7 is edited otherwise", changes: []func(*run){remap("465"), edit(func(p *cin7test.Purchase) {
			for i := range p.Groups {
				for j := range p.Groups[i].Invoice.Charges {
					p.Groups[i].Invoice.Charges[j].Account = "1370"
				}
			}
		})}, verdict: "parked " + ParkEditedInCin7, on: "1370"},
		{name: "another mapping, and the bill is corrected", changes: []func(*run){remap("465"), now(bill(1, lines(web("100", "250.00"), freight("60.00"))))},
			writes: true, says: "posted under version 1 of the settings, anew under version 2", on: "465"},
		{name: "another mapping, and the bill is corrected, park", changes: []func(*run){remap("465"), now(bill(1, lines(web("100", "250.00"), freight("60.00"))))}, park: true,
			verdict: "parked " + ParkBillChanged, on: "5100"},
		{name: "without memory nobody knows what changed", changes: []func(*run){remap("465"), func(r *run) { r.known = ties{} }}, verdict: "parked " + ParkBillChanged, on: "5100"},
		{name: "a bill without an order, another mapping", setup: alone, changes: []func(*run){remap("465")}, older: true, on: "5100"},
		{name: "a bill without an order, another mapping, then corrected", setup: alone, changes: []func(*run){remap("465"), now(bill(1, lines(freight("70.00"))))},
			writes: true, says: "posted under version 1 of the settings, anew under version 2", on: "465"},
		{name: "a credit, another mapping", setup: func(s *sources) { po(s); b(s); credit(1, 1, lines(freight("12.00")))(s) }, changes: []func(*run){remap("465")}, older: true, on: "5100"},
		{name: "a credit, a mapping to no account", setup: func(s *sources) { po(s); b(s); credit(1, 1, lines(freight("12.00")))(s) }, changes: []func(*run){remap("none")}, older: true, on: "5100"},
	}
	for _, c := range cases {
		for _, approach := range []string{"INVOICE", "STOCK"} {
			t.Run(c.name+"/"+approach, func(t *testing.T) {
				setup := c.setup
				if setup == nil {
					setup = func(s *sources) { po(s); b(s); receipt(1, lines(web("100", "")))(s) }
				} else if approach == "STOCK" {
					base := setup
					setup = func(s *sources) {
						base(s)
						if s.PO.ID != 0 {
							receipt(1, lines(web("100", "")))(s)
						}
					}
				}
				r := newCompany(t, cin7test.Options{ZeroGroupInvoice: true}).start(&history{}, approach, func(tn *tenant.Tenant) {
					tn.Version = 1
					if !c.park {
						tn.Sync.AfterPostChange = tenant.AfterPostRepost
					}
				})
				setup(&r.s)
				r.turn(t.Context())
				for name, v := range r.verdicts() {
					if v != "completed" {
						t.Fatalf("%s %s before anything changed: %v", name, v, r.texts())
					}
				}
				before := r.wire.writes
				for _, f := range c.changes {
					f(r)
					r.turn(t.Context())
				}
				if n := r.wire.writes - before; (n > 0) != c.writes {
					t.Errorf("%d writes, want some: %v: %s", n, c.writes, strings.Join(r.story, "\n"))
				}
				got := r.verdicts()
				if want := firstOf(c.verdict, "completed"); got["B1"] != want {
					t.Errorf("B1 is %s, want %s: %v", got["B1"], want, r.texts())
				}
				for ref, text := range r.last.Older {
					if !strings.Contains(text, "version 1") {
						t.Errorf("%s is told as %q", ref, text)
					}
				}
				if older := len(r.last.Older) > 0; older != c.older {
					t.Errorf("told as posted under an older version: %v, want %v", r.last.Older, c.older)
				}
				if story := strings.Join(r.story, "\n"); !strings.Contains(story, c.says) {
					t.Errorf("the story does not say %q:\n%s", c.says, story)
				}
				on := map[string]bool{}
				for _, i := range r.have.Invoice {
					for _, x := range i.AdditionalCharges {
						on[x.Account] = true
					}
				}
				if !on[c.on] || len(on) != 1 {
					t.Errorf("the freight is on %v, want %s", on, c.on)
				}
			})
		}
	}
}

// The same of a bill that is a journal.
func TestJournalOutlivesTheMapping(t *testing.T) {
	for _, c := range []struct {
		name    string
		second  netsuite.Bill
		repost  bool
		edited  bool
		calls   int
		verdict string
		older   bool
	}{
		{name: "another mapping", second: rentBill(), repost: true, older: true},
		{name: "another mapping, park", second: rentBill(), older: true},
		{name: "another mapping, paid", second: rentBill(billStatus("B")), repost: true, older: true},
		{name: "another mapping, corrected", second: rentBill(dated("2026-11-19")), repost: true, calls: 3},
		{name: "another mapping, edited in Cin7", second: rentBill(), repost: true, edited: true, verdict: "parked " + ParkEditedInCin7},
	} {
		t.Run(c.name, func(t *testing.T) {
			co := newCompany(t, cin7test.Options{})
			tn := aTenant(func(t *tenant.Tenant) { t.Sync.Mapping.Accounts = map[string]string{} })
			var known tie
			var out outlook
			var have []cin7.Journal
			settings, calls := int64(1), 0
			serve := func(d netsuite.Bill) {
				t.Helper()
				w, err := journalOf(tn, co.refs, d, "Basin Trust")
				if err != nil {
					t.Fatal(err)
				}
				for range 8 {
					if have, err = journalsOf(t.Context(), co.c7, tn.NetSuite.AccountID, w.Ref); err != nil {
						t.Fatal(err)
					}
					if c.edited && settings == 2 {
						have[0].Lines[0].Amount = num("99")
					}
					if out = planJournal(rules{Repost: c.repost, Settings: settings}, w, have, known); len(out.Ops) == 0 {
						if v := out.Verdicts[w.Ref]; v != nil && reasonOf(v) != c.verdict || v == nil && settings == 2 && c.verdict != "" {
							t.Errorf("verdict %v, want %s", v, c.verdict)
						}
						return
					}
					calls++
					if _, err := sendJournal(t.Context(), co.c7, out.Ops[0]); err != nil {
						t.Fatal(err)
					}
					known = known.after(out.Ops[0], out.Ops[0].Task, settings)
				}
			}
			serve(rentBill())
			calls, settings = 0, 2
			tn.Sync.Mapping.Accounts = map[string]string{fee.Number: "465"}
			serve(c.second)
			if calls != c.calls {
				t.Errorf("%d calls, want %d", calls, c.calls)
			}
			if older := len(out.Older) > 0; older != c.older {
				t.Errorf("told as posted under an older version: %v, want %v", out.Older, c.older)
			}
		})
	}
}

// What is kept of a tie in the facts of a record is the tie.
func TestTieFacts(t *testing.T) {
	word := rapid.StringMatching(`[0-9a-f]{4,36}`)
	rapid.Check(t, func(t *rapid.T) {
		want := tie{Tasks: rapid.SliceOfNDistinct(word, 0, 3, rapid.ID).Draw(t, "tasks"), Sent: word.Draw(t, "sent"), Source: word.Draw(t, "source"),
			As: rapid.MapOfN(word, word, 0, 3).Draw(t, "as"), Settings: rapid.Int64Min(0).Draw(t, "settings")}
		if len(want.As) == 0 {
			want.As = nil
		}
		if len(want.Tasks) == 0 {
			want.Tasks = nil
		}
		if d := cmp.Diff(tieOf(want.facts("48210"), "48210"), want); d != "" {
			t.Fatal(d)
		}
		if other := tieOf(want.facts("48210"), "48211"); other.Sent != "" || len(other.Tasks)+len(other.As) > 0 {
			t.Fatalf("another purchase has it too: %+v", other)
		}
	})
}

// What is no change of a bill for its posting has the same source.
func TestSourceOf(t *testing.T) {
	base := func() netsuite.Bill {
		var s sources
		plain(hundred)(&s)
		bill(1, lines(web("100", "240.00"), freight("60.00")))(&s)
		return s.Bills[0]
	}
	for name, c := range map[string]struct {
		change func(*netsuite.Bill)
		same   bool
	}{
		"paid":             {billStatus("B"), true},
		"account renamed":  {func(b *netsuite.Bill) { b.Lines[1].Account.Name, b.Lines[1].Account.Number = "Other", "9" }, true},
		"item renamed":     {func(b *netsuite.Bill) { b.Lines[0].SKU = "WEB2" }, true},
		"a text line":      {func(b *netsuite.Bill) { b.Lines = append(b.Lines, netsuite.BillLine{Memo: "thanks"}) }, true},
		"memo":             {func(b *netsuite.Bill) { b.Memo = "x" }, true},
		"amount":           {func(b *netsuite.Bill) { b.Lines[1].Amount = dec("61") }, false},
		"account":          {func(b *netsuite.Bill) { b.Lines[1].Account.ID = 99 }, false},
		"date":             {dated("2026-11-19"), false},
		"number":           {func(b *netsuite.Bill) { b.TranID = "X" }, false},
		"vendor":           {func(b *netsuite.Bill) { b.Vendor = 9 }, false},
		"rate":             {func(b *netsuite.Bill) { b.ExchangeRate = dec("1.1") }, false},
		"another order":    {func(b *netsuite.Bill) { b.Lines[0].PO = otherPO }, false},
		"tax":              {taxed("1.00"), false},
		"a line of theirs": {func(b *netsuite.Bill) { b.Lines[0].Units = 3 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := base()
			before := sourceOf(b, casePO)
			c.change(&b)
			if same := sourceOf(b, casePO) == before; same != c.same {
				t.Errorf("same source: %v, want %v", same, c.same)
			}
		})
	}
}
