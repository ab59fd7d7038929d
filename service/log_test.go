package service

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// What strangers, vendors and upstreams write into any field stays in its
// line, and steers neither a terminal nor a collector of lines.
func TestHostileTextIsOneLine(t *testing.T) {
	texts := map[string]string{
		"line feed": "a\nb", "carriage return": "a\r{\"level\":\"error\"}", "colours": "\x1b[2J\x1b[31mx", "C1 controls": "\u009b2J\u0085x", "NUL": "a\x00b", "DEL": "\x7f",
		"separators": "a\u2028b\u2029c", "the other way": "\u202egnp.exe\u2066x", "end of the field": `","level":"error","msg":"`, "no UTF-8": "\xff\xfe\xc2", "long": strings.Repeat("x\n", 5000),
	}
	for _, format := range []string{"json", "console"} {
		for name, text := range texts {
			t.Run(format+" "+name, func(t *testing.T) {
				var out bytes.Buffer
				log, _, err := loggerTo(&out, Config{LogLevel: "debug", LogFormat: format})
				if err != nil {
					t.Fatal(err)
				}
				log.With(zap.String("with", text)).Warn("it happened", zap.String("string", text), zap.Error(errors.New(text)), zap.NamedError("wrapped", fmt.Errorf("read: %w", errors.New(text))),
					zap.ByteString("bytes", []byte(text)), zap.Strings("list", []string{text}), zap.Any("map", map[string]string{text: text}), zap.Any("value", text), zap.Stringer("stringer", word(text)), zap.Reflect("reflect", struct{ A string }{text}))
				line, rest, ok := strings.Cut(out.String(), "\n")
				if !ok || rest != "" {
					t.Fatalf("not one line: %q", out.String())
				}
				for _, r := range line {
					if r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\u202e' || r == '\u2066' {
						t.Fatalf("%U stands in the line %q", r, line)
					}
				}
				if format != "json" {
					return
				}
				var got map[string]any
				if err := json.Unmarshal([]byte(line), &got); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				want := strings.ToValidUTF8(text, "\ufffd")
				if s, _ := got["string"].(string); strings.ReplaceAll(s, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") || got["level"] != "warn" || got["msg"] != "it happened" {
					t.Errorf("got %q, level %v, msg %v", s, got["level"], got["msg"])
				}
			})
		}
	}
}

type word string

func (w word) String() string { return string(w) }
