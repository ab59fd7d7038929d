package distributor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Outcome is what became of a record, as the service tells it.
type Outcome struct{ Type, ID, State, Reason, Stage, Accounts string }

// Expected is what must become of every record of the company, with approach
// INVOICE or STOCK and everything switched on.
func Expected() []Outcome {
	var out []Outcome
	add := func(kind string, id int64, state, reason, stage, accounts string) {
		out = append(out, Outcome{kind, strconv.FormatInt(id, 10), state, reason, stage, accounts})
	}
	for _, v := range vendors {
		add("vendor", v.ID, "completed", "", "", "")
	}
	for _, o := range orders {
		if o.Pending {
			add("purchaseorder", o.ID, "waiting", "approval", "", "")
			continue
		}
		add("purchaseorder", o.ID, "completed", "", o.Stage, "")
		if o.ReceiptID != 0 {
			add("itemreceipt", o.ReceiptID, "completed", "", o.Stage, "")
		}
		for _, p := range o.Parts {
			add("itemreceipt", p.ReceiptID, "completed", "", o.Stage, "")
			add("vendorbill", p.BillID, "completed", "", o.Stage, codes(p.Lines))
		}
		switch {
		case o.BillID == 0:
		case o.BillParks != "":
			add("vendorbill", o.BillID, "parked", o.BillParks, o.Stage, "")
		default:
			add("vendorbill", o.BillID, "completed", "", o.Stage, codes(o.Lines))
		}
	}
	add("vendorcredit", returned.ID, "completed", "", returned.Stage, codes(returned.Lines))
	add("vendorbill", loose.ID, "completed", "", "DONE", codes(loose.Lines))
	return out
}

// codes are the Cin7 accounts of lines, each once, in line order.
func codes(lines []Line) string {
	var out []string
	for _, l := range lines {
		c := l.account().Cin7
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return strings.Join(out, ",")
}

// account is where a line posts: its own account, or the item's asset account.
func (l Line) account() Account {
	if l.Item.ID != 0 {
		return inventory
	}
	return l.Account
}

// Check compares what became of the records with what must have; it returns a
// line for every difference.
func Check(got []Outcome) []string {
	have := map[string]Outcome{}
	for _, g := range got {
		have[g.Type+" "+g.ID] = g
	}
	var out []string
	for _, want := range Expected() {
		k := want.Type + " " + want.ID
		g, ok := have[k]
		delete(have, k)
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("%s is unknown to the service, must be %s", k, want.State))
		case g != want:
			out = append(out, fmt.Sprintf("%s is %s, must be %s", k, g.text(), want.text()))
		}
	}
	for k, g := range have {
		out = append(out, fmt.Sprintf("%s is %s, must not exist", k, g.text()))
	}
	slices.Sort(out)
	return out
}

func (o Outcome) text() string {
	s := o.State
	for _, t := range []string{o.Reason, o.Stage, o.Accounts} {
		if t != "" {
			s += " " + t
		}
	}
	return s
}
