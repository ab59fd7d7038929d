package queue_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/queue"
)

func TestKeysOfATenantShareASlot(t *testing.T) {
	r := queue.Ref{Type: "vendorbill", ID: "1"}
	for _, tenant := range []string{"acme", "a-1", strings.Repeat("x", 63)} {
		keys := []string{queue.KeyStream(tenant, queue.Live), queue.KeyStream(tenant, queue.Bulk), queue.KeyLane(tenant), queue.KeyRecord(tenant, r),
			queue.KeyDue(tenant), queue.KeyLog(tenant, r), queue.KeyConfig(tenant), queue.KeyCin7(tenant), queue.KeyIntents(tenant), queue.KeyFind(tenant, "po-1"), queue.KeyNames(tenant), queue.KeyOf(tenant, "vendorbill", "acme")}
		for _, s := range queue.States {
			keys = append(keys, queue.KeyByState(tenant, s))
		}
		for _, k := range keys {
			if got, want := slot(k), slot(tenant); got != want {
				t.Errorf("%s is in slot %d, want %d", k, got, want)
			}
		}
	}
}

// Every builder of a tenant's keys must go through key, which sets the hash
// tag; those above show that key does.
func TestEveryKeyBuilderUsesTheTag(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !fn.Name.IsExported() {
			continue
		}
		seen++
		ret, ok := fn.Body.List[len(fn.Body.List)-1].(*ast.ReturnStmt)
		if !ok || len(ret.Results) != 1 {
			t.Errorf("%s: want a single return", fn.Name)
			continue
		}
		call, ok := ret.Results[0].(*ast.CallExpr)
		if !ok || len(call.Args) < 1 {
			t.Errorf("%s does not return key(tenant, ...)", fn.Name)
			continue
		}
		name, ok := call.Fun.(*ast.Ident)
		tenant, aok := call.Args[0].(*ast.Ident)
		if !ok || !aok || name.Name != "key" || tenant.Name != "tenant" {
			t.Errorf("%s does not return key(tenant, ...)", fn.Name)
		}
	}
	if seen < 10 {
		t.Errorf("found %d builders: keys.go is not where they are", seen)
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
