package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/strictjson"
)

type base struct {
	ID string `json:"id"`
}

type document struct {
	base
	List []base            `json:"list,omitempty"`
	Map  map[string]string `json:"map"`
	Any  any               `json:"any"`
	Deep *document         `json:"deep"`
	Bare string
	None string `json:"-"`
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{"good", `{"id":"1","list":[{"id":"2"},{"id":"3"}],"map":{"a":"1","A":"2"},"any":{"x":[{}]},"deep":{"id":"4"},"Bare":"x"}`, ""},
		{"twice", `{"id":"1","id":"2"}`, `the key "id" comes twice`},
		{"twice by an escape", `{"id":"1","\u0069d":"2"}`, `the key "id" comes twice`},
		{"in another case", `{"Id":"1"}`, `the key "Id" is written "id"`},
		{"with the Kelvin sign's kind of case", `{"li\u017ft":[]}`, `is written "list"`},
		{"both cases", `{"id":"1","ID":"2"}`, `the key "ID" is written "id"`},
		{"twice in a map", `{"map":{"a":"1","a":"2"}}`, `the key "a" comes twice`},
		{"twice in a list", `{"list":[{"id":"1"},{"id":"1","id":"2"}]}`, `the key "id" comes twice`},
		{"twice further in", `{"deep":{"deep":{"id":"1","id":"1"}}}`, `the key "id" comes twice`},
		{"twice where any is kept", `{"any":{"x":{"y":1,"y":2}}}`, `the key "y" comes twice`},
		{"twice where nothing is known", `{"other":{"y":1,"y":2}}`, `the key "y" comes twice`},
		{"too deep", strings.Repeat("[", 40), "nested deeper"},
		{"damaged", `{"id":`, ""},
		{"empty", ``, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := strictjson.Check([]byte(c.json), &document{})
			if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// What Check lets pass means the same to a reader that takes the first key.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"id":"1","list":[{"ID":"2"}]}`))
	f.Add([]byte(`{"map":{"a":"1","a":"2"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d document
		if json.Unmarshal(b, &d) != nil || strictjson.Check(b, &d) != nil {
			return
		}
		var raw map[string]any
		if json.Unmarshal(b, &raw) == nil && d.ID != "" && raw["id"] != d.ID {
			t.Fatalf("%q: one reader has %q, the other %v", b, d.ID, raw["id"])
		}
	})
}
