package queue_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/queue"
)

// builders are all key builders: a key of a tenant by name.
var builders = map[string]func(tenant string) []string{
	"KeyStream": func(t string) []string {
		return []string{queue.KeyStream(t, queue.Live), queue.KeyStream(t, queue.Bulk)}
	},
	"KeyLane":       func(t string) []string { return []string{queue.KeyLane(t)} },
	"KeyRecord":     func(t string) []string { return []string{queue.KeyRecord(t, queue.Ref{Type: "vendorbill", ID: "1"})} },
	"KeyDue":        func(t string) []string { return []string{queue.KeyDue(t)} },
	"KeyLog":        func(t string) []string { return []string{queue.KeyLog(t, queue.Ref{Type: "vendorbill", ID: "1"})} },
	"KeyConfig":     func(t string) []string { return []string{queue.KeyConfig(t)} },
	"KeySealed":     func(t string) []string { return []string{queue.KeySealed(t)} },
	"KeyWatermarks": func(t string) []string { return []string{queue.KeyWatermarks(t)} },
	"KeyCin7":       func(t string) []string { return []string{queue.KeyCin7(t)} },
	"KeyHooks":      func(t string) []string { return []string{queue.KeyHooks(t)} },
	"KeyTieOut":     func(t string) []string { return []string{queue.KeyTieOut(t)} },
	"KeyKnown":      func(t string) []string { return []string{queue.KeyKnown(t, "vendorbill")} },
	"KeyDays":       func(t string) []string { return []string{queue.KeyDays(t, "vendorbill")} },
	"KeyMissing":    func(t string) []string { return []string{queue.KeyMissing(t, "vendorbill")} },
	"KeyBackfill":   func(t string) []string { return []string{queue.KeyBackfill(t)} },
	"KeyByState": func(t string) (keys []string) {
		for _, s := range queue.States {
			keys = append(keys, queue.KeyByState(t, s))
		}
		return keys
	},
}

func TestKeysOfATenantShareASlot(t *testing.T) {
	for _, tenant := range []string{"acme", "a-1", strings.Repeat("x", 63)} {
		for name, build := range builders {
			for _, k := range build(tenant) {
				if got, want := slot(k), slot(tenant); got != want {
					t.Errorf("%s: %s is in slot %d, want %d", name, k, got, want)
				}
			}
		}
	}
}

// A builder that this test does not know would be one whose slot nobody checks.
func TestEveryKeyBuilderIsChecked(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() && builders[fn.Name.Name] == nil {
			t.Errorf("keys.go builds keys by %s, which no test of slots knows", fn.Name.Name)
		}
	}
}

// slot is the Redis Cluster slot of a key: CRC16 of its hash tag.
func slot(key string) uint16 {
	for i := range key {
		if key[i] != '{' {
			continue
		}
		for j := i + 1; j < len(key); j++ {
			if key[j] == '}' && j > i+1 {
				key = key[i+1 : j]
				break
			}
		}
		break
	}
	crc := uint16(0)
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % 16384
}
