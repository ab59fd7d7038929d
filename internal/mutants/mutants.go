// Package mutants checks that tests can fail: it puts one fault at a time into
// the source (a swapped sign, a dropped remainder, > for >=) and requires that
// the test that guards that place turns red.
//
// A package keeps its list in mutants_test.go:
//
//	func TestMutants(t *testing.T) {
//		mutants.Run(t, 2, []mutants.Mutant{
//			{Name: "tax is added with the wrong sign", File: "handlers/balance.go",
//				Old: "s.tax = s.tax.Add(l.Amount)", New: "s.tax = s.tax.Sub(l.Amount)", Test: "TestBillInvoice"},
//		})
//	}
//
// Old must occur exactly once in File, so take as much of the line as makes it
// unique; New must compile. Test is a test (or a subtest, TestX/case) of the
// package that File is in, or of Package. The source tree is never touched:
// each fault is an overlay of the go command (`go help build`, -overlay), in a
// test binary of its own.
//
// Every test run checks the whole list against the source and runs the first
// few; `make soak` runs all of them. Run one by hand with
// `MLC_SOAK=1 go test ./handlers -run 'TestMutants/tax_is_added'`.
package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ml-connector/ml-connector/internal/soak"
)

// Mutant is one fault and the test that must find it.
type Mutant struct {
	Name     string // what the fault is, in words
	File     string // below the module's root, for example handlers/money.go
	Old, New string // Old occurs exactly once in File
	Test     string // the test that must fail, for example TestSpread or TestSpread/even
	Package  string // where Test is, below the module's root; "" for the directory of File
}

// Run checks the list, and runs the first short mutants of it, or all in the
// long form, two at a time. Each is a subtest of its Name. First each of their
// tests must be green without a fault.
func Run(t *testing.T, short int, list []Mutant) {
	t.Helper()
	root := moduleRoot(t)
	for _, m := range list {
		if err := m.check(root); err != nil {
			t.Errorf("mutant %q: %v", m.Name, err)
		}
	}
	if t.Failed() {
		return
	}
	todo := list[:min(soak.N(short, len(list)), len(list))]
	sound := map[string]string{} // package -> its test binary without a fault
	green := map[string]bool{}
	for _, m := range todo {
		dir := m.dir()
		if sound[dir] == "" {
			sound[dir] = filepath.Join(t.TempDir(), "sound.test")
			if out, err := build(t, root, dir, "", sound[dir]); err != nil {
				t.Fatalf("the tests of %s do not build:\n%s", dir, out)
			}
		}
		if key := dir + " " + m.Test; !green[key] {
			green[key] = true
			if out, err := m.test(t, root, sound[dir]); err != nil {
				t.Fatalf("%s of %s fails without any fault:\n%s", m.Test, dir, out)
			} else if !strings.Contains(out, "--- PASS: "+m.Test) {
				t.Fatalf("%s of %s did not run:\n%s", m.Test, dir, out)
			}
		}
	}
	var tried, killed atomic.Int64
	two := make(chan struct{}, 2)
	for _, m := range todo {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			two <- struct{}{}
			defer func() { <-two }()
			tried.Add(1)
			bin := filepath.Join(t.TempDir(), "faulty.test")
			if out, err := build(t, root, m.dir(), m.overlay(t, root), bin); err != nil {
				t.Fatalf("%q for %q in %s does not build:\n%s", m.New, m.Old, m.File, out)
			}
			out, err := m.test(t, root, bin)
			_ = os.Remove(bin)
			switch {
			case err == nil:
				t.Errorf("%s stays green with %q for %q in %s", m.Test, m.New, m.Old, m.File)
			case !strings.Contains(out, "--- FAIL: ") && !strings.Contains(out, "panic: test timed out"):
				t.Errorf("%s did not fail, the run did:\n%s", m.Test, out)
			default:
				killed.Add(1)
			}
		})
	}
	t.Cleanup(func() {
		soak.Figure(t, "mutants", "%d of %d killed (%d in the list)", killed.Load(), tried.Load(), len(list))
	})
}

func (m Mutant) dir() string {
	if m.Package != "" {
		return m.Package
	}
	return filepath.ToSlash(filepath.Dir(m.File))
}

// check holds a mutant against the source: its text must be there once, and
// the test must exist.
func (m Mutant) check(root string) error {
	source, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return err
	}
	if n := strings.Count(string(source), m.Old); n != 1 {
		return fmt.Errorf("%q occurs %d times in %s, want once", m.Old, n, m.File)
	}
	if m.Old == m.New {
		return fmt.Errorf("%q is no fault: the new text is the old one", m.Old)
	}
	name, _, _ := strings.Cut(m.Test, "/")
	tests, err := filepath.Glob(filepath.Join(root, m.dir(), "*_test.go"))
	if err != nil {
		return err
	}
	for _, f := range tests {
		code, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if strings.Contains(string(code), "func "+name+"(") {
			return nil
		}
	}
	return fmt.Errorf("%s has no test %s", m.dir(), name)
}

// overlay writes the faulty file and the list that puts it in place.
func (m Mutant) overlay(t *testing.T, root string) string {
	t.Helper()
	path := filepath.Join(root, m.File)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	faulty, list := filepath.Join(dir, filepath.Base(m.File)), filepath.Join(dir, "overlay.json")
	body, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{faulty: []byte(strings.Replace(string(source), m.Old, m.New, 1)), list: body} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// build compiles the tests of a package, with an overlay if there is one.
// Everything that a fault does not touch comes from the build cache.
func build(t *testing.T, root, dir, overlay, bin string) (string, error) {
	t.Helper()
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", bin}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, "./"+dir)...)
	cmd.Dir, cmd.Env = root, environ()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// test runs the one test of a test binary until its first failure. The proof
// within is in its short form.
func (m Mutant) test(t *testing.T, root, bin string) (string, error) {
	t.Helper()
	var parts []string
	for part := range strings.SplitSeq(m.Test, "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.CommandContext(t.Context(), bin, "-test.v", "-test.failfast", "-test.timeout=4m", "-test.run="+strings.Join(parts, "/"))
	cmd.Dir, cmd.Env = filepath.Join(root, filepath.FromSlash(m.dir())), environ()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// environ is ours without what would make the inner proofs long, or build
// something else.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MLC_SOAK=") || strings.HasPrefix(v, "GOFLAGS=")
	})
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}
