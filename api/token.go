package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Tokens are the bearer tokens of the ops API: SHA-256 of a token -> role. The
// tokens themselves are nowhere.
type Tokens map[[sha256.Size]byte]Role

// roleNamed is the role of a word; 0 for others.
func roleNamed(s string) Role {
	switch s {
	case "viewer":
		return Viewer
	case "operator":
		return Operator
	case "owner":
		return Owner
	}
	return 0
}

// ParseTokens reads lines "role sha256-of-token"; empty lines and lines that
// start with # are comments. A file without a token is an error, and so are a
// hash that comes twice and the hash of nothing, which is what the command
// below makes of a variable that is not set. Errors name the line and show
// nothing of it.
func ParseTokens(data []byte) (Tokens, error) {
	const remedy = "make it with: printf %s \"$TOKEN\" | sha256sum"
	out := Tokens{}
	sc := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; sc.Scan(); n++ {
		f := strings.Fields(sc.Text())
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		role := roleNamed(f[0])
		if role == 0 || len(f) != 2 {
			return nil, fmt.Errorf("line %d: want viewer, operator or owner, a blank, and the SHA-256 of the token; %s", n, remedy)
		}
		b, err := hex.DecodeString(f[1])
		if err != nil || len(b) != sha256.Size {
			return nil, fmt.Errorf("line %d: want 64 hex digits behind the role; %s", n, remedy)
		}
		sum := [sha256.Size]byte(b)
		if sum == sha256.Sum256(nil) || sum == sha256.Sum256([]byte("\n")) {
			return nil, fmt.Errorf("line %d: this is the hash of an empty token; %s", n, remedy)
		}
		if _, twice := out[sum]; twice {
			return nil, fmt.Errorf("line %d: the token of this line comes twice: keep one role for it", n)
		}
		out[sum] = role
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	if len(out) == 0 {
		return nil, errors.New("it holds no token: leave the setting out to answer loopback only")
	}
	return out, nil
}

// roleOf compares a token with all hashes, in constant time each; 0 when it is
// none of them.
func (t Tokens) roleOf(token string) Role {
	sum := sha256.Sum256([]byte(token))
	role := Role(0)
	for h, r := range t {
		if subtle.ConstantTimeCompare(h[:], sum[:]) == 1 {
			role = r
		}
	}
	return role
}

// tokenName tells tokens apart without showing them: the first digits of the
// hash, as they stand in the tokens file.
func tokenName(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:4])
}
