// Package canary looks for planted secrets in what a program says and keeps.
// It is for tests.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Set is planted secrets by name. Each is long enough not to come up by
// chance: shorter ones than 12 bytes are refused.
type Set map[string]string

// Hits names the secrets that a text shows, as they are or in an encoding: in
// parts of URLs, in base64 of either alphabet at any place within a longer
// text, in hex of either case.
func (s Set) Hits(text string) []string {
	var out []string
	lower := strings.ToLower(text)
	for _, name := range slices.Sorted(maps.Keys(s)) {
		for _, f := range Forms(s[name]) {
			if strings.Contains(text, f.Text) || f.Fold && strings.Contains(lower, f.Text) {
				out = append(out, name+" ("+f.Name+")")
			}
		}
	}
	return out
}

// Form is how a secret may come out.
type Form struct {
	Name, Text string
	Fold       bool // in either case
}

// Forms are all forms of a secret that are looked for.
func Forms(secret string) []Form {
	if len(secret) < 12 {
		panic(fmt.Sprintf("a canary of %d bytes proves nothing", len(secret)))
	}
	out := []Form{{"raw", secret, false}, {"quoted", strings.Trim(fmt.Sprintf("%q", secret), `"`), false}, {"URL-encoded", url.QueryEscape(secret), false},
		{"path-encoded", url.PathEscape(secret), false}, {"hex", hex.EncodeToString([]byte(secret)), true}}
	for shift := range 3 {
		// Behind `shift` other bytes; the characters that those and what follows
		// have a share in are cut off.
		b := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		b = b[(shift*8+5)/6:]
		b = b[:len(b)-1]
		out = append(out, Form{fmt.Sprintf("base64+%d", shift), b, false}, Form{fmt.Sprintf("base64url+%d", shift), strings.NewReplacer("+", "-", "/", "_").Replace(b), false})
	}
	return out
}

// PEM is the part of a key in PEM that is the key: some of its middle, as the
// file spells it in base64 without line breaks, and as bytes.
func PEM(text string) (base64Part, raw string) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		panic("the key is not PEM")
	}
	inner := base64.StdEncoding.EncodeToString(block.Bytes)
	return inner[20:60], string(block.Bytes[40:72])
}
