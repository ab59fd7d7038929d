package reconcile

import (
	"encoding/binary"
	"math/big"

	"github.com/shopspring/decimal"
)

// packed is a vector as it is kept of each document while the books are read:
// ten bytes or so an account, where an account's two decimals alone take two
// hundred. Nothing is lost: each amount comes back with its digits and its
// exponent.
type packed struct {
	b  []byte
	in *accountNumbers
}

// accountNumbers gives each account code a small number.
type accountNumbers struct {
	codes   []string
	numbers map[string]uint64
}

func newAccountNumbers() *accountNumbers { return &accountNumbers{numbers: map[string]uint64{}} }

func (n *accountNumbers) of(code string) uint64 {
	i, ok := n.numbers[code]
	if !ok {
		i = uint64(len(n.codes))
		n.numbers[code] = i
		n.codes = append(n.codes, code)
	}
	return i
}

// pack keeps v.
func (n *accountNumbers) pack(v vector) packed {
	if len(v) == 0 {
		return packed{in: n}
	}
	var room [128]byte
	b := room[:0]
	for _, a := range v {
		b = binary.AppendUvarint(b, n.of(a.account))
		b = binary.AppendVarint(b, int64(a.rows))
		b = appendDecimal(b, a.base)
		b = appendDecimal(b, a.doc)
	}
	return packed{b: append(make([]byte, 0, len(b)), b...), in: n}
}

// vector is what was packed.
func (p packed) vector() vector {
	var v vector
	for b := p.b; len(b) > 0; {
		i, n := binary.Uvarint(b)
		rows, m := binary.Varint(b[n:])
		a := amount{account: p.in.codes[i], rows: int(rows)}
		b = b[n+m:]
		a.base, b = cutDecimal(b)
		a.doc, b = cutDecimal(b)
		v = append(v, a)
	}
	return v
}

func (p *packed) add(account string, base, doc decimal.Decimal, rows int) {
	v := p.vector()
	v.add(account, base, doc, rows)
	*p = p.in.pack(v)
}

func (p packed) of(account string) amount { return p.vector().of(account) }

// Amounts of up to 18 digits, which is all that occur in books, are an
// exponent and a number; any other is its exponent, its sign with its length,
// and its bytes.
const (
	exponents = 100 // from -100 to 100, shifted to be positive
	anyOther  = 255
)

func appendDecimal(b []byte, d decimal.Decimal) []byte {
	if e := d.Exponent(); e >= -exponents && e <= exponents {
		if c := d.Coefficient(); c.IsInt64() {
			return binary.AppendVarint(append(b, byte(e+exponents)), c.Int64())
		}
	}
	c := d.Coefficient()
	b = binary.AppendVarint(append(b, anyOther), int64(d.Exponent()))
	b = binary.AppendVarint(b, int64(c.Sign()*len(c.Bytes())))
	return append(b, c.Bytes()...)
}

func cutDecimal(b []byte) (decimal.Decimal, []byte) {
	if b[0] != anyOther {
		c, n := binary.Varint(b[1:])
		return decimal.New(c, int32(b[0])-exponents), b[1+n:]
	}
	e, n := binary.Varint(b[1:])
	size, m := binary.Varint(b[1+n:])
	b = b[1+n+m:]
	c := new(big.Int)
	if size < 0 {
		size = -size
		c.Neg(c.SetBytes(b[:size]))
	} else {
		c.SetBytes(b[:size])
	}
	return decimal.NewFromBigInt(c, int32(e)), b[size:] //nolint:gosec // it was an int32
}
