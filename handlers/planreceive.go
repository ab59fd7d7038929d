package handlers

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ml-connector/ml-connector/cin7"
	"github.com/ml-connector/ml-connector/queue"
)

// receiveInto brings the goods of a group to the wanted lines, by product and
// quantity: Cin7's stock lines have no reference of ours.
func (b *builder) receiveInto(g *group, lines []cin7.StockLine, whole []queue.Ref) error {
	if g.task == "" {
		b.draftInto(lines, whole)
		return nil
	}
	if b.PutAway && g.putAway.Status != cin7.StatusAuthorised && g.stock.Status != cin7.StatusAuthorised {
		missing, extra := missingLines(lines, g.stock.Lines)
		switch {
		case g.stock.Status == cin7.StatusPartiallyReceived && len(missing) == 0 && extra == "":
			// all that is here is there: on to put it away
		case g.stock.Status == cin7.StatusPartiallyReceived && extra == "":
			b.add(b.stockOp(opReplaceStock, g.task, placeless(lines), whole)) // adding would be refused for the same product
			return nil
		case openTask(g.stock) && len(g.stock.Lines) == 0:
			b.add(b.stockOp(opPostStock, g.task, placeless(lines), whole))
			return nil
		case openTask(g.stock) && len(missing) == 0 && extra == "":
			b.add(b.stockOp(opPostStock, g.task, nil, whole)) // authorises what is stored
			return nil
		case openTask(g.stock) && b.drafted(g, whole):
			b.add(b.stockOp(opReplaceStock, g.task, placeless(lines), whole)) // the receipt changed since
			return nil
		case openTask(g.stock):
			return b.byHand(g)
		default:
			return b.closedGroup(g, lines)
		}
	}
	missing, extra := missingLines(lines, g.putAway.Lines)
	switch {
	case g.putAway.Status == cin7.StatusAuthorised && extra != "":
		return b.surplus(g, extra)
	case g.putAway.Status == cin7.StatusAuthorised && len(missing) > 0:
		return b.closedGroup(g, missing)
	case g.putAway.Status == cin7.StatusAuthorised:
	case !openTask(g.putAway):
		return b.closedGroup(g, lines)
	case len(g.putAway.Lines) == 0:
		b.add(b.stockOp(opPostPutAway, g.task, lines, whole))
	case len(missing) == 0 && extra == "":
		b.add(b.stockOp(opPostPutAway, g.task, nil, whole))
	default:
		return b.byHand(g)
	}
	return nil
}

// placeless are lines without a place: Cin7 drops it there anyway (contract cin7 7.5).
func placeless(lines []cin7.StockLine) []cin7.StockLine {
	out := slices.Clone(lines)
	for i := range out {
		out[i].LocationID, out[i].Location = "", ""
	}
	return out
}

// lacking says of each wanted line whether the group does not hold all of it;
// what is there counts for the oldest lines.
func (b *builder) lacking(g *group, lines []goodsLine) []bool {
	out := make([]bool, len(lines))
	have := perProduct(g.putAway.Lines)
	for i, l := range lines {
		k := strings.ToLower(l.ProductID)
		used := decimal.Min(have[k], l.Quantity.Decimal)
		have[k] = have[k].Sub(used)
		out[i] = used.LessThan(l.Quantity.Decimal)
	}
	return out
}

func (b *builder) closedGroup(g *group, missing []cin7.StockLine) error {
	return problem(ParkGroupConflict, "undo the receiving of that group in Cin7 and retry this record, or receive the rest there by hand and skip it",
		"purchase %s group %d no longer takes receipts in Cin7, %s are missing", b.have.OrderNumber, g.number, what(missing[0].Quantity, missing[0]))
}

func (b *builder) surplus(g *group, extra string) error {
	return problem(ParkGroupConflict, "bring the receipt in line in Cin7 or in NetSuite, then retry this record",
		"purchase %s group %d has received %s that NetSuite does not show", b.have.OrderNumber, g.number, extra)
}

// somebodys is a group into which somebody is receiving by hand: a draft with
// goods where no document of ours belongs.
func (b *builder) somebodys() *group {
	for _, g := range b.groups {
		if g.handled() && !g.dead && !g.taken && g.billed == (queue.Ref{}) && !b.received(g) && (b.have.Approach != cin7.ApproachStock || !b.leftBehind(g)) {
			return g
		}
	}
	return nil
}

func (b *builder) byHand(g *group) error {
	lines := g.stock.Lines
	if len(lines) == 0 {
		lines = g.putAway.Lines
	}
	return problem(ParkEditedInCin7, "authorise or empty the draft in Cin7, then retry this record",
		"somebody is receiving into purchase %s group %d in Cin7: the draft holds %s", b.have.OrderNumber, g.number, stockText(lines))
}

func (b *builder) stockOp(kind, task string, lines []cin7.StockLine, whole []queue.Ref) op {
	verb := "receive "
	if kind == opPostPutAway || kind == opDraftPutAway {
		verb = "put away "
	}
	what := "what the draft of " + b.have.OrderNumber + " holds"
	if len(lines) > 0 {
		var texts []string
		for _, l := range lines {
			texts = append(texts, l.Quantity.String()+" of "+l.SKU)
		}
		what = strings.Join(texts, ", ") + " into " + b.have.OrderNumber
	} else {
		lines = []cin7.StockLine{}
	}
	return op{
		Kind: kind, For: b.want.Ref, Receipts: whole, Why: verb + what,
		Stock: &cin7.NewStock{PurchaseID: b.have.ID, TaskID: task, Status: cin7.StatusAuthorised, Lines: lines},
	}
}
