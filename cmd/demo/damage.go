package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ml-connector/ml-connector/cin7/cin7test"
)

// damage changes something in Cin7 behind the service's back, so that one can
// see the demo fail.
func (d *demo) damage(what string) error {
	for _, p := range d.world.Cin7.Purchases() {
		if len(p.Groups) == 0 || len(p.Groups[0].Invoice.Posted) == 0 || len(p.Groups[0].Invoice.Lines) == 0 {
			continue
		}
		var change func(*cin7test.Invoice)
		switch what {
		case "account":
			change = func(i *cin7test.Invoice) { i.Lines[0].Account = "470" }
		case "amount":
			change = func(i *cin7test.Invoice) { i.Lines[0].Total = i.Lines[0].Total.Add(i.Lines[0].Total) }
		default:
			return fmt.Errorf("--break %q: want account or amount", what)
		}
		d.world.Cin7.EditPurchase(p.ID, func(p *cin7test.Purchase) { change(&p.Groups[0].Invoice) })
		d.world.Cin7.Repost(p.ID)
		return nil
	}
	return fmt.Errorf("there is no posted purchase to break")
}

// sortRecords orders the table by type, then number.
func sortRecords(list []recordLine) {
	order := []string{"vendor", "purchaseorder", "itemreceipt", "vendorbill", "vendorcredit"}
	slices.SortFunc(list, func(a, b recordLine) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Type), slices.Index(order, b.Type)), cmp.Compare(a.Number, b.Number))
	})
}
