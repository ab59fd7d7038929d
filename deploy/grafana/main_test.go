package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// What is committed is what the program writes.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	if err := write([]string{dir}); err != nil {
		t.Fatal(err)
	}
	for name := range boards() {
		want, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{".", "../helm/ml-connector/files"} {
			if got, err := os.ReadFile(filepath.Join(place, name+".json")); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s/%s.json is not what boards.go says (%v): go generate ./deploy/...", place, name, err)
			}
		}
	}
}

// Panels do not overlap and stay inside the 24 columns.
func TestLayout(t *testing.T) {
	for name, d := range boards() {
		taken := map[[2]int]int{}
		ids := map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: two panels have the id %d", name, p.ID)
			}
			ids[p.ID] = true
			if p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: %s reaches beyond the edge", name, p.Title)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other, ok := taken[at]; ok {
						t.Fatalf("%s: panels %d and %d overlap", name, other, p.ID)
					}
					taken[at] = p.ID
				}
			}
		}
	}
}
