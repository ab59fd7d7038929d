package main

import (
	"os"
	"regexp"
	"testing"
)

// kms/go.mod builds the same program with more in it, and only `make kms`
// looks at it: what go.mod asks for directly is there too, in the same version.
func TestKMSModulesKeepUp(t *testing.T) {
	asked := func(file, line string) map[string]string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{} // module -> version
		for _, m := range regexp.MustCompile(line).FindAllStringSubmatch(string(b), -1) {
			out[m[1]] = m[2]
		}
		return out
	}
	have, want := asked("../../kms/go.mod", `(?m)^\t(\S+) (v\S+)`), asked("../../go.mod", `(?m)^\t(\S+) (v\S+)$`)
	if len(want) < 10 {
		t.Fatalf("go.mod asks for %d modules: it was not read right", len(want))
	}
	for module, version := range want {
		if have[module] != version {
			t.Errorf("%s: %q in kms/go.mod, %q in go.mod: go get -modfile=kms/go.mod %s@%s", module, have[module], version, module, version)
		}
	}
}
