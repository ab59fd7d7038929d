package handlers

import (
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func TestSpread(t *testing.T) {
	cases := []struct {
		name    string
		total   string
		weights []string
		digits  int32
		want    []string
	}{
		{"even", "9.00", []string{"1", "1", "1"}, 2, []string{"3", "3", "3"}},
		{"remainder goes to the first on a tie", "10.00", []string{"1", "1", "1"}, 2, []string{"3.34", "3.33", "3.33"}},
		{"remainder goes to the largest remainder", "1.00", []string{"1", "2", "4"}, 2, []string{"0.14", "0.29", "0.57"}},
		{"no decimals", "10", []string{"1", "1", "1"}, 0, []string{"4", "3", "3"}},
		{"nothing to spread", "0", []string{"5", "7"}, 2, []string{"0", "0"}},
		{"no weight", "5.00", []string{"0", "0"}, 2, []string{"5", "0"}},
		{"a negative total", "-10.00", []string{"1", "1", "1"}, 2, []string{"-3.34", "-3.33", "-3.33"}},
		{"a total finer than the digits stays exact", "1.005", []string{"1", "1"}, 2, []string{"0.505", "0.5"}},
		{"no parts", "0", nil, 2, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var w []decimal.Decimal
			for _, s := range c.weights {
				w = append(w, dec(s))
			}
			got := spread(dec(c.total), w, c.digits)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if !got[i].Equal(dec(c.want[i])) {
					t.Errorf("part %d: got %s, want %s", i, got[i], c.want[i])
				}
			}
		})
	}
}

func TestSpreadKeepsTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := decimal.New(rapid.Int64Range(-1e12, 1e12).Draw(t, "total"), -2)
		weights := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) decimal.Decimal {
			return decimal.New(rapid.Int64Range(0, 1e9).Draw(t, "weight"), -2)
		}), 1, 60).Draw(t, "weights")
		got := decimal.Zero
		for i, p := range spread(total, weights, 2) {
			got = got.Add(p)
			if p.Exponent() < -2 && !p.Equal(p.Round(2)) {
				t.Fatalf("part %d is %s: finer than a cent", i, p)
			}
			if p.Sign() != 0 && p.Sign() != total.Sign() {
				t.Fatalf("part %d is %s of %s", i, p, total)
			}
		}
		if !got.Equal(total) {
			t.Fatalf("parts sum to %s, want %s", got, total)
		}
	})
}

func TestUnitPrice(t *testing.T) {
	cases := []struct {
		name, amount, quantity, price string
		ok                            bool
	}{
		{"whole", "240.00", "100", "2.4", true},
		{"thirds round back to the amount", "100.00", "3", "33.3333", true},
		{"below one", "1.20", "0.5", "2.4", true},
		{"too fine for four decimals", "100.00", "7000", "0.0143", false},
		{"no quantity", "5.00", "0", "0", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			price, ok := unitPrice(dec(c.amount), dec(c.quantity))
			if ok != c.ok || !price.Equal(dec(c.price)) {
				t.Errorf("got %s %v, want %s %v", price, ok, c.price, c.ok)
			}
		})
	}
}

func TestUnitPriceIsExactWhenItSaysSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := decimal.New(rapid.Int64Range(1, 1e9).Draw(t, "cents"), -2)
		quantity := decimal.New(rapid.Int64Range(1, 1e8).Draw(t, "quantity"), -4)
		price, ok := unitPrice(amount, quantity)
		if ok != lineTotal(quantity, price).Equal(amount) {
			t.Fatalf("%s x %s: ok is %v", quantity, price, ok)
		}
		if !price.Equal(price.Round(4)) {
			t.Fatalf("price %s has more than four decimals", price)
		}
	})
}
