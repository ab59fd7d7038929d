package cin7test

import "net/http"

type stockBody struct {
	PurchaseID, TaskID, Status *string
	Lines                      *[]stockLineBody
}

type stockLineBody struct {
	Date, ExpiryDate                                                         *date
	Quantity                                                                 number
	ProductID, SKU, Name, Location, LocationID, BatchSN, SupplierSKU, CardID *string
	Received                                                                 *bool
}

// writeStock receives into a group; POST adds, PUT overwrites. A simple
// purchase becomes an advanced one without a word (7.1).
func (s *Sim) writeStock(c *call) (any, error) {
	b, err := s.readStockBody(c)
	if err != nil {
		return nil, err
	}
	p, err := c.edit(*b.PurchaseID, func(p *Purchase) error {
		g, err := s.receivingGroup(p, b)
		if err != nil {
			return err
		}
		if err := s.gateStock(p, g); err != nil {
			return err
		}
		lines, err := s.readStockLines(*b.Lines, false)
		if err != nil {
			return err
		}
		if p.Type == simpleType {
			p.Type = advancedType
		}
		if g == nil {
			g = s.openGroup(p, Draft) // with an empty draft invoice (7.6)
			c.tell(Effect{Kind: "group_opened", ID: p.ID, TaskID: g.TaskID})
		}
		var have []StockLine
		if c.method != http.MethodPut {
			have = g.Stock.Lines
		}
		if g.Stock.Lines, err = merge(have, lines, *b.Status); err != nil {
			return err
		}
		g.Stock.Status = *b.Status
		if s.o.PartiallyReceived && g.Stock.Status == Authorised && g.invoiced() && short(g.Stock, g.Invoice) {
			g.Stock.Status = PartiallyReceived
		}
		c.tellStock("stock_"+verb(*b.Status), p, g, g.Stock.Lines)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.answerStock(p), nil
}

// short says that less was received than invoiced, of any product.
func short(st Stock, inv Invoice) bool {
	got := stockQuantities(st.Lines)
	for id, q := range quantities(inv.Lines) {
		if got[id].LessThan(q) {
			return true
		}
	}
	return false
}

func (s *Sim) readStockBody(c *call) (stockBody, error) {
	var b stockBody
	if err := c.decode(&b); err != nil {
		return b, err
	}
	if err := require("PurchaseID", deref(b.PurchaseID) != "", "Status", deref(b.Status) != "", "Lines", b.Lines != nil); err != nil {
		return b, err
	}
	return b, writable(*b.Status)
}

// receivingGroup is the group of a stock or put-away call: nil when TaskID is
// missing or all zeros, which opens a new one (7.6).
func (s *Sim) receivingGroup(p *Purchase, b stockBody) (*Group, error) {
	if noID(deref(b.TaskID)) {
		return nil, nil
	}
	g := p.group(*b.TaskID)
	if g == nil {
		return nil, no(textNoTask)
	}
	return g, nil
}

// readStockLines checks received lines. With places each needs Location, the
// name of a location, or LocationID, of a location or bin; without them both
// are dropped (7.5). Repeats inside the body are summed.
func (s *Sim) readStockLines(in []stockLineBody, places bool) ([]StockLine, error) {
	var out []StockLine
	for _, b := range in {
		if b.Date == nil || *b.Date == "" {
			return nil, no(textLineDate)
		}
		if err := require("Quantity", b.Quantity.set, "ProductID", deref(b.ProductID) != "" || deref(b.SKU) != ""); err != nil {
			return nil, err
		}
		if err := atMost("BatchSN", deref(b.BatchSN), 50); err != nil {
			return nil, err
		}
		p, err := s.product(deref(b.ProductID), deref(b.SKU))
		if err != nil {
			return nil, err
		}
		l := StockLine{Date: string(*b.Date), Quantity: b.Quantity.Round(4), ProductID: p.ID, SKU: p.SKU, Name: p.Name, BatchSN: deref(b.BatchSN)}
		if b.ExpiryDate != nil {
			l.ExpiryDate = string(*b.ExpiryDate)
		}
		if !l.Quantity.IsPositive() {
			return nil, no("attribute 'Quantity' must be above 0")
		}
		if err := s.unlocked(l.Date); err != nil {
			return nil, err
		}
		if places {
			if err := s.placeLine(&l, deref(b.Location), deref(b.LocationID)); err != nil {
				return nil, err
			}
		}
		twin := find(out, func(x StockLine) bool { return x.twin(l) && x.Date == l.Date })
		if twin != nil {
			twin.Quantity = twin.Quantity.Add(l.Quantity)
			continue
		}
		out = append(out, l)
	}
	return out, nil
}

func (s *Sim) placeLine(l *StockLine, name, id string) error {
	var err error
	switch {
	case id != "":
		l.LocationID = id
		l.Location, err = s.place(id)
	case name != "":
		var at *Location
		if at, err = s.topLocation(name); err == nil {
			l.Location, l.LocationID = at.Name, at.ID
		}
	default:
		err = missing("Location")
	}
	return err
}

// twin says that two lines are equal in product, location, batch and expiry (7.5).
func (l StockLine) twin(o StockLine) bool {
	return l.ProductID == o.ProductID && same(l.LocationID, o.LocationID) && l.BatchSN == o.BatchSN && l.ExpiryDate == o.ExpiryDate
}

// merge adds lines to stored ones and refuses what is there already, whatever
// its date. No lines with AUTHORISED authorise what is stored (7.5).
func merge(stored, lines []StockLine, status string) ([]StockLine, error) {
	if len(lines) == 0 && (status != Authorised || len(stored) == 0) {
		return nil, no(textLines)
	}
	for _, l := range lines {
		if find(stored, l.twin) != nil {
			return nil, no("Cannot add duplicate value in stock received lines. (Product:%s, Location:%s)", l.SKU, l.Location)
		}
	}
	return append(stored, lines...), nil
}

func (c *call) tellStock(kind string, p *Purchase, g *Group, lines []StockLine) {
	e := Effect{Kind: kind, ID: p.ID, TaskID: g.TaskID, Number: p.OrderNumber, Marker: marker(p.Note)}
	for _, l := range lines {
		e.Lines = append(e.Lines, EffectLine{Product: l.SKU, Quantity: l.Quantity})
		e.Total = e.Total.Add(l.Quantity)
	}
	c.tell(e)
}

func (s *Sim) getStock(c *call) (any, error) {
	p, err := s.named(c, "PurchaseID")
	if err != nil {
		return nil, err
	}
	return s.answerStock(p), nil
}
