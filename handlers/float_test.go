package handlers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// moneyRooms carry amounts; no float may touch them. What is measured, not
// owed, is excepted by file.
var moneyRooms = []string{".", "../cin7", "../netsuite", "../reconcile", "../internal/distributor"}

var measured = []string{"metrics.go", "span.go"} // seconds and buckets of histograms

// floats are the names by which a float comes into a Go program that handles
// decimals and JSON.
var floats = []string{"float32", "float64", "NewFromFloat", "NewFromFloat32", "NewFromFloatWithExponent", "InexactFloat64", "Float64", "ParseFloat", "FormatFloat"}

// The linter forbids the types (forbidigo); this also finds the conversions,
// and floats that nobody names.
func TestNoFloatWhereMoneyFlows(t *testing.T) {
	files := 0
	for _, room := range moneyRooms {
		if _, err := os.Stat(room); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || slices.Contains(measured, filepath.Base(name)) {
				continue
			}
			files++
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					if slices.Contains(floats, n.Name) {
						t.Errorf("%s: %s", set.Position(n.Pos()), n.Name)
					}
				case *ast.BasicLit:
					if n.Kind == token.FLOAT {
						t.Errorf("%s: the constant %s", set.Position(n.Pos()), n.Value)
					}
				}
				return true
			})
		}
	}
	if files < 60 {
		t.Errorf("only %d files were looked at", files)
	}
}
