package cin7test

import (
	"maps"
	"slices"

	"github.com/shopspring/decimal"
)

// Transaction is a row of the ledger: an amount in base currency from one
// account to another (10). EffectiveDate is YYYY-MM-DD.
type Transaction struct {
	TaskID, Type, Transaction, Reference string
	EffectiveDate                        string
	DebitAccountCode, CreditAccountCode  string
	Amount                               decimal.Decimal
}

// postDocument makes the rows of an authorised invoice: each line debits its
// account, tax debits the account of its rule, and the supplier's payable
// account is credited. Amounts are converted by the purchase's rate and
// rounded to 2 decimals, row by row. A receipt posts nothing: inventory
// accrual is off (11).
func (s *Sim) postDocument(p *Purchase, taskID, number, date string, lines []Line, charges []Charge) []Transaction {
	payable := ""
	if sup := find(s.suppliers, func(x Supplier) bool { return same(x.ID, p.SupplierID) }); sup != nil {
		payable = sup.AccountPayable
	}
	var rows []Transaction
	post := func(account string, amount decimal.Decimal) {
		amount = round2(amount.Mul(p.CurrencyRate))
		if amount.IsZero() {
			return
		}
		rows = append(rows, Transaction{TaskID: taskID, Type: "Purchase", Transaction: p.Supplier + " - " + number, Reference: p.OrderNumber + "/" + number,
			EffectiveDate: date, DebitAccountCode: account, CreditAccountCode: payable, Amount: amount})
	}
	perRule, rules := map[string]decimal.Decimal{}, []string{}
	tax := func(rule string, amount decimal.Decimal) {
		if s.o.TaxMethod != "Total" {
			post(s.taxAccount(rule), amount)
			return
		}
		if !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
		perRule[rule] = perRule[rule].Add(amount)
	}
	for _, l := range lines {
		post(l.Account, s.net(p, l.Total, l.Tax))
		tax(l.TaxRule, l.Tax)
	}
	for _, c := range charges {
		post(c.Account, s.net(p, c.Total, c.Tax))
		tax(c.TaxRule, c.Tax)
	}
	for _, rule := range rules {
		post(s.taxAccount(rule), perRule[rule])
	}
	return rows
}

// taxAccount is the account of a rule, else the system's tax account.
func (s *Sim) taxAccount(rule string) string {
	if r := find(s.taxRules, func(r TaxRule) bool { return same(r.Name, rule) }); r != nil && r.Account != "" {
		return r.Account
	}
	if a := find(s.accounts, func(a Account) bool { return a.SystemAccountCode == "GST" }); a != nil {
		return a.Code
	}
	return ""
}

// Transactions returns the ledger as it stands, oldest first: documents that
// were undone or voided have left it.
func (s *Sim) Transactions() []Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transactions()
}

func (s *Sim) transactions() []Transaction {
	var out []Transaction
	for _, p := range s.purchases {
		for _, g := range p.Groups {
			out = append(out, g.Invoice.Posted...)
			out = append(out, g.Manual.Posted...)
		}
		for _, n := range p.CreditNotes {
			out = append(out, n.Posted...)
		}
	}
	for _, j := range s.journals {
		out = append(out, j.posted()...)
	}
	// By day, each in the order of entry: a month has many rows and few days.
	days := map[string][]Transaction{}
	for _, t := range out {
		days[t.EffectiveDate] = append(days[t.EffectiveDate], t)
	}
	out = out[:0]
	for _, d := range slices.Sorted(maps.Keys(days)) {
		out = append(out, days[d]...)
	}
	return out
}

// listTransactions filters by dates, later than FromDate and earlier than
// ToDate, and by an account on either side (10).
func (s *Sim) listTransactions(c *call) (any, error) {
	from, err := c.moment("FromDate")
	if err != nil {
		return nil, err
	}
	to, err := c.moment("ToDate")
	if err != nil {
		return nil, err
	}
	account := c.param("Account")
	within := map[string]bool{} // day -> asked for
	var found []Transaction
	for _, t := range s.transactions() {
		in, known := within[t.EffectiveDate]
		if !known {
			at, err := moment(t.EffectiveDate + "T00:00:00")
			in = err == nil && (from.IsZero() || at.After(from)) && (to.IsZero() || at.Before(to))
			within[t.EffectiveDate] = in
		}
		if in && (account == "" || same(account, t.DebitAccountCode) || same(account, t.CreditAccountCode)) {
			found = append(found, t)
		}
	}
	page, first, end := c.bounds(len(found))
	rows := []any{}
	for _, t := range found[first:end] {
		rows = append(rows, obj{"TaskID": t.TaskID, "Type": t.Type, "Transaction": t.Transaction, "Reference": t.Reference, "EffectiveDate": day(t.EffectiveDate),
			"DebitAccountCode": t.DebitAccountCode, "CreditAccountCode": t.CreditAccountCode, "Amount": num(t.Amount)})
	}
	return obj{"Total": len(found), "Page": page, "Transactions": rows}, nil
}
