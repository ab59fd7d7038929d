package netsuite

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"
)

// Unit is a unit of measure. Its ID is unique within its Type only.
type Unit struct {
	ID, Type ID
	Name     string
	Rate     decimal.Decimal // base units of the type in one; above 0
}

// Units reads units of measure by id: a row for each units type that has the
// id (contract 3.4). ErrHidden when the role may not see them.
func (c *Client) Units(ctx context.Context, ids ...ID) ([]Unit, error) {
	var out []Unit
	err := batches(ids, vendorBatch, func(part []ID) error {
		rows, err := c.rows(ctx, "units", fmt.Sprintf(`SELECT u.unitstype, u.internalid, u.unitname, u.conversionrate
 FROM unitstypeuom u WHERE u.internalid IN (%s) ORDER BY u.unitstype, u.internalid`, idList(part)))
		if err != nil {
			return err
		}
		for _, r := range rows {
			x := reader{r: r, what: "unit " + r["internalid"]}
			u := Unit{ID: x.id("internalid"), Type: x.id("unitstype"), Name: x.text("unitname"), Rate: x.amount("conversionrate")}
			if x.err == nil && !u.Rate.IsPositive() {
				x.fail("conversionrate", fmt.Errorf("want a number above 0, got %s", u.Rate))
			}
			if x.err != nil {
				return unreadable("units", x.err)
			}
			out = append(out, u)
		}
		return nil
	})
	return out, err
}
