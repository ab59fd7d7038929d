package canary_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/canary"
)

// The positive control: whatever form a secret comes out in is seen.
func TestEveryFormIsSeen(t *testing.T) {
	secrets := canary.Set{"token": "eyJ0eXAi.canary+of/NetSuite=~ü", "key": string([]byte{0, 1, 2, 200, 201, 202, 9, 10, 13, 250, 251, 252, 253, 254, 255, 3})}
	for name, s := range secrets {
		std, urls := base64.StdEncoding, base64.RawURLEncoding
		for form, text := range map[string]string{
			"raw": s, "in a log line": `{"msg":"` + s + `"}`, "URL": url.QueryEscape(s), "path": url.PathEscape(s), "hex": hex.EncodeToString([]byte(s)),
			"HEX": strings.ToUpper(hex.EncodeToString([]byte(s))), "quoted": fmt.Sprintf("%q", s),
			"base64": std.EncodeToString([]byte(s)), "base64 behind 1": std.EncodeToString([]byte(":" + s + "x")), "base64 behind 2": std.EncodeToString([]byte("u:" + s + "xy")),
			"base64url": urls.EncodeToString([]byte(s)), "base64url behind 4": urls.EncodeToString([]byte("user" + s)),
		} {
			if hits := secrets.Hits("before " + text + " after"); len(hits) == 0 || !strings.HasPrefix(hits[0], name) {
				t.Errorf("%s as %s is not seen: %v", name, form, hits)
			}
		}
	}
	if hits := secrets.Hits(strings.Repeat("nothing of it here ", 1000)); len(hits) != 0 {
		t.Errorf("false hits: %v", hits)
	}
}
