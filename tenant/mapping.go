package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/ml-connector/ml-connector/internal/strictyaml"
	"github.com/ml-connector/ml-connector/queue"
)

// ParseMapping reads the mapping section of a tenant file, alone or below
// sync and mapping. Unknown keys are refused.
func ParseMapping(b []byte) (Mapping, error) {
	var whole struct {
		Sync struct {
			Mapping Mapping `yaml:"mapping"`
		} `yaml:"sync"`
	}
	if strict(b, &whole) == nil {
		return whole.Sync.Mapping, nil
	}
	var part struct {
		Mapping Mapping `yaml:"mapping"`
	}
	if strict(b, &part) == nil {
		return part.Mapping, nil
	}
	var m Mapping
	if err := strict(b, &m); err != nil {
		return Mapping{}, fmt.Errorf("want the mapping section of a tenant file: %w", yamlError(err))
	}
	return m, nil
}

func strict(b []byte, to any) error {
	err := strictyaml.Decode(b, to)
	if errors.Is(err, io.EOF) {
		return nil // an empty mapping
	}
	return err
}

type whoKey struct{}

// By says who applies settings, for the versions of the mapping.
func By(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, whoKey{}, actor)
}

func who(ctx context.Context) string {
	if s, ok := ctx.Value(whoKey{}).(string); ok && s != "" {
		return s
	}
	return "unknown"
}

// MappingVersion is a mapping as it was put in force.
type MappingVersion struct {
	Version int64           `json:"version"` // of the tenant's settings
	At      time.Time       `json:"at"`
	Who     string          `json:"who"`
	Changes []MappingChange `json:"changes"` // against the version before
	Mapping Mapping         `json:"-"`
}

// MappingChange is one entry of a table that was added, changed or removed.
type MappingChange struct {
	Table string `json:"table"` // accounts, terms, ...
	Key   string `json:"key"`
	From  string `json:"from,omitempty"` // "" it is new
	To    string `json:"to,omitempty"`   // "" it is gone
}

// MappingVersions are the versions of a tenant's mapping, oldest first; about
// the last 1,000 are kept.
func (s *Store) MappingVersions(ctx context.Context, id string) ([]MappingVersion, error) {
	entries, err := s.rdb.XRange(ctx, queue.KeyMappings(id), "-", "+").Result()
	if err != nil {
		return nil, fmt.Errorf("read the versions of the mapping of %s: %w", id, err)
	}
	out := []MappingVersion{}
	var before Mapping
	for _, e := range entries {
		text := func(k string) string { v, _ := e.Values[k].(string); return v }
		v := MappingVersion{Who: text("who")}
		if v.Version, err = strconv.ParseInt(text("version"), 10, 64); err != nil {
			return nil, fmt.Errorf("read the versions of the mapping of %s: version %q: %w", id, text("version"), err)
		}
		if v.At, err = time.Parse(time.RFC3339, text("at")); err != nil {
			return nil, fmt.Errorf("read the versions of the mapping of %s: %w", id, err)
		}
		if err := json.Unmarshal([]byte(text("mapping")), &v.Mapping); err != nil {
			return nil, fmt.Errorf("read the versions of the mapping of %s: %w", id, err)
		}
		v.Changes = before.Changes(v.Mapping)
		before = v.Mapping
		out = append(out, v)
	}
	return out, nil
}

// Changes are what differs in a mapping that takes the place of m, by table
// and key.
func (m Mapping) Changes(to Mapping) []MappingChange {
	out := []MappingChange{}
	was := m.tables()
	for i, t := range to.tables() {
		keys := slices.Sorted(maps.Keys(t.entries))
		for k := range was[i].entries {
			if _, ok := t.entries[k]; !ok {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			if f, g := was[i].entries[k], t.entries[k]; f != g {
				out = append(out, MappingChange{Table: t.name, Key: k, From: f, To: g})
			}
		}
	}
	return out
}

type mappingTable struct {
	name    string
	entries map[string]string
}

func (m Mapping) tables() []mappingTable {
	return []mappingTable{{"accounts", m.Accounts}, {"charges", m.Charges}, {"currencies", m.Currencies}, {"items", m.Items}, {"locations", m.Locations},
		{"tax", m.Tax}, {"terms", m.Terms}, {"units", m.Units}}
}
