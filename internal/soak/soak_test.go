package soak_test

import (
	"testing"

	"github.com/ml-connector/ml-connector/internal/soak"
)

func TestNChoosesTheForm(t *testing.T) {
	for _, c := range []struct {
		name, env string
		want      int
	}{{"short by default", "", 1}, {"long on demand", "1", 2}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("MLC_SOAK", c.env)
			if got := soak.N(1, 2); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestNoneOfStatesItsBound(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{{0, "0 of 0: nothing was tried"}, {100, "0 of 100 (below 0.03 at 95 %)"}} {
		if got := soak.NoneOf(c.n); got != c.want {
			t.Errorf("NoneOf(%d): got %q, want %q", c.n, got, c.want)
		}
	}
}
