// Package soak sizes the proofs: a short form that `make test` can afford, and
// a long one for `make soak`. Both print their figures in the same form.
package soak

import (
	"fmt"
	"os"
	"testing"
)

// Long reports whether the long forms are wanted: the environment variable
// MLC_SOAK is set, as `make soak` does.
func Long() bool { return os.Getenv("MLC_SOAK") != "" }

// N is how often a proof repeats: short, or long when Long.
func N(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Figure prints one measured figure of a proof, as `figure <name>: <text>`, to
// the test log and, so that it is seen without -v, to standard error when Long.
func Figure(t testing.TB, name, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	t.Logf("figure %s: %s", name, text)
	if Long() {
		fmt.Fprintf(os.Stderr, "figure %s: %s\n", name, text)
	}
}

// NoneOf words the result "none of n" with its rule-of-three bound: when none
// of n independent trials failed, fewer than 3/n do, with 95 % confidence.
func NoneOf(n int) string {
	if n == 0 {
		return "0 of 0: nothing was tried"
	}
	return fmt.Sprintf("0 of %d (below %.2g at 95 %%)", n, 3/float64(n))
}
