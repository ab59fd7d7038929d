package tenant

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ml-connector/ml-connector/secret"
)

// Losses tells what in force would be gone if a document with these
// credentials took the place of old: entries of the mapping, which people also
// edit in the console, and live webhook secrets, which rotate-secret adds. Each
// is one line for a person. What is only added is no loss.
func (s *Store) Losses(ctx context.Context, old, fresh *Tenant, given Credentials) ([]string, error) {
	if old == nil {
		return nil, nil
	}
	var out []string
	var versions []MappingVersion
	for _, c := range old.Sync.Mapping.Changes(fresh.Sync.Mapping) {
		if c.From == "" {
			continue
		}
		if versions == nil {
			var err error
			if versions, err = s.MappingVersions(ctx, old.ID); err != nil {
				return nil, err
			}
		}
		out = append(out, fmt.Sprintf("sync.mapping.%s %q: %q -> %s%s", c.Table, c.Key, c.From, shownQuoted(c.To), putThere(versions, c)))
	}
	secrets, err := s.endedSecrets(ctx, old, given)
	return append(out, secrets...), err
}

func shownQuoted(v string) string {
	if v == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", v)
}

// putThere says who put an entry in force that a change ends, and when.
func putThere(versions []MappingVersion, gone MappingChange) string {
	for _, v := range slices.Backward(versions) {
		for _, c := range v.Changes {
			if c.Table == gone.Table && c.Key == gone.Key && c.To == gone.From {
				return fmt.Sprintf(" (set %s by %s)", v.At.UTC().Format(time.RFC3339), v.Who)
			}
		}
	}
	return ""
}

// endedSecrets are the live webhook secrets that are not among the given ones.
func (s *Store) endedSecrets(ctx context.Context, old *Tenant, given Credentials) ([]string, error) {
	if len(given.WebhookSecrets) == 0 {
		return nil, nil // the stored ones stay
	}
	stored, err := s.Open(ctx, old)
	if unusable(err) {
		return nil, nil // nobody can tell, and nobody is admitted with them
	}
	if err != nil {
		return nil, err
	}
	dep, err := s.Deployment(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := s.WebhookUses(ctx, old.ID)
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{} // fingerprint
	for _, one := range given.WebhookSecrets {
		kept[secret.Fingerprint(dep, one)] = true
	}
	var out []string
	for _, one := range stored.WebhookSecrets {
		name := secret.Fingerprint(dep, one)
		if kept[name] {
			continue
		}
		used := "never used"
		for _, u := range uses.Secrets {
			if u.Name == name {
				used = fmt.Sprintf("%d posts, the last %s", u.Count, u.Last.UTC().Format(time.RFC3339))
			}
		}
		out = append(out, fmt.Sprintf("webhook secret %s ends (%s): posts with it are refused", name, used))
	}
	return out, nil
}
