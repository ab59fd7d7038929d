package netsuite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// derivation asks which documents come from which. NetSuite notes it in two
// places: the links between lines, and the createdfrom of the later document's
// lines (contract 3.5).
type derivation struct {
	from  RecordType
	to    []RecordType
	links []string // link types that count; nil is all
	by    side     // which side the ids are on
	only  place    // where to look; 0 is in both places
}

type side int

const (
	byPrevious side = iota // the ids are the sources
	byNext                 // the ids are what came of them
)

type place int

const (
	inLinks place = iota + 1
	inLines
)

var (
	fromOrders = []RecordType{TypeVendorBill, TypeItemReceipt, TypeVendorCredit}
	creditOnly = []RecordType{TypeVendorCredit}
)

// pair is a document and what it comes from, with the type of the later one.
type pair struct {
	previous, next ID
	typ            RecordType
}

var pairKeys = keys{outer: "p.id", inner: "n.id", outerAs: "previousid", innerAs: "nextid"}

// derivations finds each pair once.
func (c *Client) derivations(ctx context.Context, op string, d derivation, ids []ID) ([]pair, error) {
	var out []pair
	seen := map[pair]bool{}
	err := batches(ids, lineBatch, func(part []ID) error {
		for _, from := range d.sources(part) {
			rows, err := c.keyset(ctx, op, pairKeys, func(after string) string {
				return fmt.Sprintf("SELECT DISTINCT p.id AS previousid, n.id AS nextid, n.type AS nexttype FROM %s AND p.type = '%s' AND n.type IN (%s)%s ORDER BY p.id, n.id",
					from, tranTypes[d.from], typeList(d.to), after)
			})
			if err != nil {
				return err
			}
			for _, r := range rows {
				x := reader{r: r, what: "link between " + r["previousid"] + " and " + r["nextid"]}
				p := pair{x.id("previousid"), x.id("nextid"), recordType(x.text("nexttype"))}
				if x.err != nil {
					return unreadable(op, x.err)
				}
				if !seen[p] {
					seen[p] = true
					out = append(out, p)
				}
			}
		}
		return nil
	})
	return out, err
}

// sources are the FROM and WHERE of the two places, with p the source and n
// what came of it.
func (d derivation) sources(ids []ID) []string {
	linkSide, lineSide := "l.previousdoc", "tl.createdfrom"
	if d.by == byNext {
		linkSide, lineSide = "l.nextdoc", "tl.transaction"
	}
	kind := ""
	if d.links != nil {
		kind = " AND l.linktype IN ('" + strings.Join(d.links, "', '") + "')"
	}
	links := fmt.Sprintf("previoustransactionlinelink l JOIN transaction p ON p.id = l.previousdoc JOIN transaction n ON n.id = l.nextdoc WHERE %s IN (%s)%s", linkSide, idList(ids), kind)
	lines := fmt.Sprintf("transactionline tl JOIN transaction p ON p.id = tl.createdfrom JOIN transaction n ON n.id = tl.transaction WHERE %s IN (%s)", lineSide, idList(ids))
	switch d.only {
	case inLinks:
		return []string{links}
	case inLines:
		return []string{lines}
	}
	return []string{links, lines}
}

// billsOf maps credits to the bills they name: those they were created from,
// else those that a link ties them to, which is what they were applied to.
// Other ids are absent.
func (c *Client) billsOf(ctx context.Context, op string, ids []ID) (map[ID][]ID, error) {
	out := map[ID][]ID{}
	for _, where := range []place{inLines, inLinks} {
		left := slices.DeleteFunc(slices.Clone(ids), func(id ID) bool { return len(out[id]) > 0 })
		pairs, err := c.derivations(ctx, op, derivation{from: TypeVendorBill, to: creditOnly, by: byNext, only: where}, left)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			out[p.next] = append(out[p.next], p.previous)
		}
	}
	return out, nil
}

func typeList(types []RecordType) string {
	var quoted []string
	for _, t := range types {
		quoted = append(quoted, "'"+tranTypes[t]+"'")
	}
	return strings.Join(quoted, ", ")
}

// recordType is our word for a value of transaction.type, "" for others.
func recordType(tranType string) RecordType {
	for t, s := range tranTypes {
		if s == tranType {
			return t
		}
	}
	return ""
}

func sortedKeys[V any](m map[ID]V) []ID { return slices.Sorted(maps.Keys(m)) }
