package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The list of modules names every module that go list says is linked, each
// with its hash, and the checksums are those of the files.
func TestRelease(t *testing.T) {
	t.Chdir("../..")
	out := t.TempDir()
	if err := run(t.Context(), []string{"--only", "linux/amd64", "--version", "v9.8.7", "--commit", "abc", "--out", out}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(out, "ml-connector-linux-amd64")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("figure binary: %.1f MB", float64(info.Size())/1e6)
	if info.Size() > 40e6 {
		t.Errorf("the binary has %d bytes, want at most 40 MB", info.Size())
	}
	data, err := os.ReadFile(file + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	if m := b.Metadata.Component; m.Name != module || m.Version != "v9.8.7" || len(m.Hashes) != 1 {
		t.Errorf("the list is of %+v", m)
	}
	var got []string
	for _, c := range b.Components {
		if c.Name == "stdlib" {
			continue
		}
		got = append(got, c.Name+" "+c.Version)
		if len(c.Hashes) != 1 || len(c.Hashes[0].Content) != 64 || !strings.HasPrefix(c.PURL, "pkg:golang/") {
			t.Errorf("%+v", c)
		}
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/ml-connector")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(s string) bool { return s == "" })
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(got, slices.Compact(want)); diff != "" {
		t.Errorf("modules in the list (-) and linked (+) differ:\n%s", diff)
	}
	if o, err := exec.Command(file, "version", "-o", "json").Output(); err != nil || !strings.Contains(string(o), `"v9.8.7"`) || !strings.Contains(string(o), `"abc"`) {
		t.Errorf("the binary says %s %v", o, err)
	}
	check := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	check.Dir = out
	if o, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, o)
	}
}
