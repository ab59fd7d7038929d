package tenant

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Changes tells what an apply changed, for the audit log: each changed setting
// with both values, and which credentials were given anew. old is nil for a
// new tenant.
func Changes(old, fresh *Tenant, given Credentials) string {
	before, after := map[string]string{}, flat(fresh)
	if old != nil {
		before = flat(old)
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	var out []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if before[k] != after[k] {
			out = append(out, fmt.Sprintf("%s: %s -> %s", k, shown(before[k]), shown(after[k])))
		}
	}
	for name, set := range map[string]bool{fieldNetSuiteKey: !given.NetSuiteKeyPEM.IsZero(), fieldCin7Key: !given.Cin7Key.IsZero(), fieldSecrets: len(given.WebhookSecrets) > 0} {
		if set {
			out = append(out, name+": given")
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func shown(v string) string {
	if v == "" {
		return "nothing"
	}
	return v
}

// flat is a document as dotted path -> JSON of the value.
func flat(t *Tenant) map[string]string {
	out := map[string]string{}
	b, err := json.Marshal(t.Document) // holds no secret: see Tenant
	if err != nil {
		return out
	}
	var v any
	if json.Unmarshal(b, &v) == nil {
		flatten(out, "", v)
	}
	return out
}

func flatten(out map[string]string, path string, v any) {
	m, ok := v.(map[string]any)
	if !ok {
		b, _ := json.Marshal(v) // it came from JSON
		out[path] = string(b)
		return
	}
	for k, v := range m {
		p := k
		if path != "" {
			p = path + "." + k
		}
		flatten(out, p, v)
	}
}
