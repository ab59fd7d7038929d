package handlers

import (
	"os"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/state"
)

// Every reason has its section in docs/parked.md, and every section its reason.
func TestEveryParkReasonIsDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/parked.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	_, after, _ := strings.Cut(string(data), "\n## ")
	for section := range strings.SplitSeq(after, "\n## ") {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = true
		if !strings.Contains(body, "*Goes on by itself* ") {
			t.Errorf("docs/parked.md does not say when %s goes on by itself", name)
		}
	}
	for _, r := range ParkReasons {
		if !sections[r] {
			t.Errorf("docs/parked.md has no section %s", r)
		}
		delete(sections, r)
	}
	for s := range sections {
		t.Errorf("docs/parked.md explains %s, which is no reason", s)
	}
	for _, r := range state.MappingReasons {
		found := false
		for _, p := range ParkReasons {
			found = found || p == r
		}
		if !found {
			t.Errorf("%s is released by a mapping but is no park reason", r)
		}
	}
}
