package strictyaml_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/strictyaml"
	"github.com/ml-connector/ml-connector/secret"
)

type file struct {
	Name   string            `yaml:"name"`
	Key    secret.String     `yaml:"key"`
	Keys   []secret.String   `yaml:"keys"`
	Texts  map[string]string `yaml:"texts"`
	Count  int               `yaml:"count"`
	Nested any               `yaml:"nested"`
}

func stairs(n int) string {
	var b strings.Builder
	b.WriteString("nested:\n")
	for i := range n {
		b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
	}
	return b.String()
}

func pairs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: v, ", i)
	}
	return b.String()
}

// bomb doubles thirty times.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := range 30 {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	return b.String()
}

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		in, wants string // "" when it is read
	}{
		"a file":                   {"name: Acme\nkey: k\nkeys: [a, b]\ntexts: {a: b}\n", ""},
		"a long line of pairs":     {"texts: {" + pairs(200) + "z: z}\n", ""},
		"lists beside each other":  {"nested: [" + strings.Repeat("[a], ", 200) + "[z]]\n", ""},
		"brackets in a text":       {"name: \"" + strings.Repeat("[", 500) + "\"\n", ""},
		"colons far to the right":  {"name: " + strings.Repeat("a", 400) + ":b\n", ""},
		"a value far to the right": {"name:" + strings.Repeat(" ", 400) + "b\n", ""},
		"thirty levels":            {stairs(30), ""},
		"an unknown key":           {"nam: Acme\n", `[1:1] unknown field "nam"`},
		"a key twice":              {"name: a\nname: b\n", `mapping key "name" already defined`},
		"two documents":            {"name: a\n---\nname: b\n", strictyaml.ErrMore.Error()},
		"a bomb behind":            {"name: a\n---\n" + bomb(), strictyaml.ErrMore.Error()},
		"a bomb":                   {bomb(), `unknown field "a`},
		"a text for a number":      {"count: many\n", "[1:8] this is a text, want a number"},
		"a mapping for a text":     {"name: {a: b}\n", "[1:7] this is a mapping, want a text"},
		"a list for a credential":  {"key: [a]\n", "a list or a mapping stands where a credential is one text"},
		"opening brackets":         {"nested: " + strings.Repeat("[", 500_000), "[1:41] nested deeper than 32"},
		"balanced brackets":        {"nested: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), "nested deeper than 32"},
		"opening braces":           {"nested: " + strings.Repeat("{a: ", 100_000), "nested deeper than 32"},
		"lists on one line":        {"nested:\n " + strings.Repeat("- ", 300_000) + "x", "nested deeper than 32"},
		"keys of keys on one line": {"nested:\n " + strings.Repeat("? ", 300_000) + "x", "nested deeper than 32"},
		"stairs":                   {stairs(800), "nested deeper than 32"},
		"aliases of aliases":       {"nested:\n  a: &a [x, x]\n  b: &b [*a, *a]\n  c: [*b, *b]\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var into file
			err := strictyaml.Decode([]byte(c.in), &into)
			runtime.ReadMemStats(&after)
			switch {
			case c.wants == "" && err != nil:
				t.Errorf("got %v, want it read", err)
			case c.wants != "" && (err == nil || !strings.Contains(err.Error(), c.wants)):
				t.Errorf("got %v, want %q in it", err, c.wants)
			}
			if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 512 {
				t.Errorf("%d MB were taken for %d KB of YAML", got, len(c.in)>>10)
			}
		})
	}
}

func TestEmptyIsEOF(t *testing.T) {
	for _, in := range []string{"", "\n", "# a comment\n"} {
		if err := strictyaml.Decode([]byte(in), &file{}); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

// TestNoErrorShowsAValue: people put secrets into the wrong place, and paste
// what is printed into tickets.
func TestNoErrorShowsAValue(t *testing.T) {
	const canary = "CANARYcanaryCANARYcanary"
	for _, in := range []string{
		"name: {" + canary + ": 1}\n",
		"key: [" + canary + "]\n",
		"key: {a: " + canary + "}\n",
		"keys: " + canary + "\n",
		"texts: " + canary + "\n",
		"key: \"" + canary + "\n",
		"key: " + canary + ": x\n",
		"key: |\n" + canary + "\nname: x\n",
		"key: *" + canary + "\n",
		"key: !" + canary + " x\n",
		"key: " + canary + "\n  name: x: y\n",
		"name: [\nkey: " + canary + "\n",
		"kee: " + canary + "\n",
	} {
		err := strictyaml.Decode([]byte(in), &file{})
		t.Logf("%q: %v", in, err)
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the value is in %q", in, err)
		}
	}
}
