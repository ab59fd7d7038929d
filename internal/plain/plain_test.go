package plain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/internal/plain"
)

const hostile = "a\x1b[31m\u009b2Jb\x7f\u2028c\u2029\u202egnp.exe\u2066\u0085d\u00e9\U0001f600\r\x00"

func TestJSONReadsBackTheSame(t *testing.T) {
	b, err := json.Marshal(map[string]string{hostile: hostile})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if n, err := plain.JSON(&out).Write(append(b, '\n')); n != len(b)+1 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got[hostile] != hostile {
		t.Errorf("got %q, %v", got, err)
	}
	clean(t, out.String())
}

func TestTextShowsWhatItIs(t *testing.T) {
	var out strings.Builder
	if _, err := plain.Text(&out).Write([]byte("x\ty\n" + hostile + "\xff")); err != nil {
		t.Fatal(err)
	}
	clean(t, out.String())
	if got := out.String(); !strings.HasPrefix(got, "x\ty\na\ufffd[31m\ufffd2Jb\ufffd\ufffdc") || !strings.Contains(got, "é\U0001f600") {
		t.Errorf("got %q", got)
	}
}

// clean fails when a character is left that steers.
func clean(t *testing.T, text string) {
	t.Helper()
	for _, r := range strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(text, "\t", ""), "\n", ""), "\xff") {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			t.Errorf("%U is left in %q", r, text)
		}
	}
}
