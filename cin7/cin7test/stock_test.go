package cin7test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStockLines(t *testing.T) {
	const path = "advanced-purchase/stock"
	setup := func(t *testing.T) (*company, string) {
		c := newCompany(t, Options{})
		return c, c.purchase("STOCK", "AUTHORISED")
	}
	lines := func(c *company, id string) []string {
		var out []string
		for _, l := range c.stored(id).Groups[0].Stock.Lines {
			out = append(out, l.Date+" "+l.SKU+" "+l.Quantity.String()+" "+l.BatchSN)
		}
		return out
	}
	body := func(id, status, lines string) string {
		return js(`{'PurchaseID':'P','TaskID':'P','Status':'T','Lines':[LL]}`, "'P'", `"`+id+`"`, "'T'", `"`+status+`"`, "LL", lines)
	}
	const (
		ten    = `{"Date":"2026-11-18T00:00:00","Quantity":10,"SKU":"WEB-25-BLK"}`
		later  = `{"Date":"2026-11-19T00:00:00Z","Quantity":5,"ProductID":"0A9D4F17-6C25-4E8B-9F31-7B52C8DE6A04"}`
		batch  = `{"Date":"2026-11-18T00:00:00","Quantity":3,"SKU":"web-25-blk","BatchSN":"B1"}`
		buckle = `{"Date":"2026-11-18T00:00:00.000","Quantity":7,"SKU":"BUC-25"}`
	)
	t.Run("repeats in a body are summed, dates stay apart", func(t *testing.T) {
		c, id := setup(t)
		c.ok("POST", path, body(id, "DRAFT", ten+","+ten+","+later+","+batch))
		want := []string{"2026-11-18 WEB-25-BLK 20 ", "2026-11-19 WEB-25-BLK 5 ", "2026-11-18 WEB-25-BLK 3 B1"}
		if diff := cmp.Diff(want, lines(c, id)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("POST adds, what is stored is refused whatever its date", func(t *testing.T) {
		c, id := setup(t)
		c.ok("POST", path, body(id, "DRAFT", ten))
		c.refused("POST", path, body(id, "DRAFT", ten), 400, "Cannot add duplicate value in stock received lines. (Product:WEB-25-BLK, Location:)")
		c.refused("POST", path, body(id, "DRAFT", buckle+","+later), 400, "Cannot add duplicate value")
		c.ok("POST", path, body(id, "DRAFT", buckle))
		c.ok("POST", path, body(id, "AUTHORISED", ""))
		if diff := cmp.Diff([]string{"2026-11-18 WEB-25-BLK 10 ", "2026-11-18 BUC-25 7 "}, lines(c, id)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("PUT overwrites", func(t *testing.T) {
		c, id := setup(t)
		c.ok("POST", path, body(id, "DRAFT", ten))
		c.ok("PUT", path, body(id, "DRAFT", buckle))
		if diff := cmp.Diff([]string{"2026-11-18 BUC-25 7 "}, lines(c, id)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("a time with an offset shifts the day", func(t *testing.T) {
		c, id := setup(t)
		c.ok("POST", path, body(id, "DRAFT", `{"Date":"2026-11-18T20:00:00-08:00","Quantity":1,"SKU":"BUC-25"}`))
		if diff := cmp.Diff([]string{"2026-11-19 BUC-25 1 "}, lines(c, id)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("put-away in a bin, with a card", func(t *testing.T) {
		c, id := setup(t)
		c.ok("POST", path, body(id, "AUTHORISED", ten))
		got := c.ok("POST", "advanced-purchase/put-away", body(id, "AUTHORISED", change(t, ten, "LocationID", `"`+bin+`"`)))
		l := one0(one0(got["PutAway"])["Lines"])
		if l["Location"] != "Main Warehouse: A-01-01" || l["LocationID"] != bin || l["CardID"] == nil || l["Date"] != "2026-11-18T00:00:00" {
			t.Errorf("put-away line %v", l)
		}
	})
	t.Run("a service purchase receives nothing", func(t *testing.T) {
		c := newCompany(t, Options{})
		id := c.service()
		c.ok("POST", "purchase/order", orderOf(id, "AUTHORISED"))
		c.refused("POST", path, body(id, "AUTHORISED", ten), 400, "Service Purchase")
	})
}

func (c *company) service() string {
	return c.ok("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'STOCK','PurchaseType':'Advanced','IsServiceOnly':true,'Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`))["ID"].(string)
}

func TestServicePurchase(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.service()
	c.ok("POST", "purchase/order", orderOf(id, "AUTHORISED"))
	c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, id, "RENT-1", "AUTHORISED", "100"))
	got := c.ok("GET", "advanced-purchase?ID="+id, "")
	inv := one0(got["Invoice"])
	if got["Approach"] != "INVOICE" || got["Type"] != "Service Purchase" || got["Status"] != "COMPLETED" {
		t.Errorf("approach %v, type %v, status %v", got["Approach"], got["Type"], got["Status"])
	}
	if l, ch := len(inv["Lines"].([]any)), len(inv["AdditionalCharges"].([]any)); l != 0 || ch != 2 {
		t.Errorf("%d lines and %d charges, want the line turned into a charge", l, ch)
	}
	c.refused("GET", "purchase?ID="+id, "", 400, textDeprecated)
}

func TestBlindReceipt(t *testing.T) {
	c := newCompany(t, Options{})
	id := c.ok("POST", "advanced-purchase", js(`{'SupplierID':'S','Approach':'INVOICE','PurchaseType':'Advanced','BlindReceipt':true,'Location':'Main Warehouse'}`, "'S'", `"`+c.supplier.ID+`"`))["ID"].(string)
	c.refused("POST", "purchase/order", orderOf(id, "AUTHORISED"), 400, "blind receipt")
	c.ok("POST", "advanced-purchase/invoice", invoiceOf(id, id, "B-1", "AUTHORISED", "10"))
	c.ok("POST", "advanced-purchase/stock", stockOf(id, id, "AUTHORISED", "10", ""))
	c.ok("POST", "advanced-purchase/put-away", stockOf(id, id, "AUTHORISED", "10", inWarehouse))
	if s := c.ok("GET", "advanced-purchase?ID="+id, "")["Status"]; s != "COMPLETED" {
		t.Errorf("status %v, want COMPLETED", s)
	}
}
