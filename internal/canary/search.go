package canary

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Figures is the environment variable that names a file to which every search
// adds a line: `make canary` runs the suites with it and adds the lines up.
const Figures = "MLC_CANARY_FIGURES"

// Disturbed reports whether `make canary` asks: requests then panic and time
// out now and then, with whatever secrets they hold.
func Disturbed() bool { return os.Getenv(Figures) != "" }

// OfTenant are the secrets of a tenant's file.
func OfTenant(keyPEM, cin7Key string, hooks ...string) Set {
	s := Set{"Cin7 key": cin7Key}
	s["private key"], s["private key's bytes"] = PEM(keyPEM)
	for i, h := range hooks {
		s[fmt.Sprintf("webhook secret %d", i+1)] = h
	}
	return s
}

// Search fails the test when a secret is in a text that the program made.
func (s Set) Search(t testing.TB, place, text string) {
	t.Helper()
	hits := s.Hits(text)
	for _, hit := range hits {
		t.Errorf("%s shows the %s", place, hit)
	}
	file := os.Getenv(Figures)
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // whoever runs the tests names it
	if err != nil {
		t.Error(err)
		return
	}
	// One write each: several processes share the file.
	_, err = fmt.Fprintf(f, "%s\t%s\t%d\t%d\t%d\n", t.Name(), place, len(text), len(s), len(hits))
	if err = errors.Join(err, f.Close()); err != nil {
		t.Error(err)
	}
}

// Logger is a logger at debug level whose text is searched when the test ends.
func (s Set) Logger(t testing.TB) *zap.Logger {
	var out safe
	t.Cleanup(func() { s.Search(t, "the log", out.text()) })
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &out, zap.DebugLevel))
}

// safe is a text that several write at once.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// Sync serves zapcore.WriteSyncer.
func (s *safe) Sync() error { return nil }

func (s *safe) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
