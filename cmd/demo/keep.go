package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ml-connector/ml-connector/reconcile"
)

// makeTokens makes a token for each role, and the file that the service reads.
func (d *demo) makeTokens() (file string, remove func(), err error) {
	f, err := os.CreateTemp("", "ml-connector-demo-tokens-")
	if err != nil {
		return "", nil, fmt.Errorf("--sign-in: %w", err)
	}
	remove = func() { _ = os.Remove(f.Name()) }
	d.tokens = map[string]string{}
	var lines strings.Builder
	for _, role := range []string{"viewer", "operator", "owner"} {
		d.tokens[role] = rand.Text()
		fmt.Fprintf(&lines, "%s %x\n", role, sha256.Sum256([]byte(d.tokens[role])))
	}
	_, err = f.WriteString(lines.String())
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		remove()
		return "", nil, fmt.Errorf("--sign-in: %w", err)
	}
	return f.Name(), remove, nil
}

// keepTieOut keeps the demo's reconciliation as the nightly one, for those who
// look around.
func (d *demo) keepTieOut(ctx context.Context, r *reconcile.Report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep the tie-out: %w", err)
	}
	return d.rooms.States.Tenant(tenantID).SetTieOut(ctx, r.Figures(), time.Now(), b)
}
