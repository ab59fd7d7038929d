package crash_test

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/soak"
)

// A Redis that answers nothing at all is told to the sender within a little
// more than a second, and posts are taken again as soon as it answers.
func TestFrozenRedis(t *testing.T) {
	d := deploy(t, "every: 30s", "every: 1h")
	d.receiver.start()
	d.receiver.listening()
	client := &http.Client{Timeout: time.Minute}
	accepted := func() string {
		status, err := d.post(t.Context(), client, "vendorbill", "1")
		if err != nil || status != http.StatusAccepted {
			return fmt.Sprint(status, err)
		}
		return ""
	}
	await(t, time.Minute, accepted)
	d.redis.Signal(t, syscall.SIGSTOP)
	for range 3 {
		began := time.Now()
		status, err := d.post(t.Context(), client, "vendorbill", "2")
		took := time.Since(began)
		if err != nil || status != http.StatusServiceUnavailable {
			t.Fatalf("while Redis is frozen: %d, %v", status, err)
		}
		// Without the limit the client of Redis would wait for 5 s.
		if took > 4*time.Second {
			t.Errorf("503 after %s", took)
		}
		soak.Figure(t, "answer while Redis is frozen", "503 after %s", took.Round(time.Millisecond))
	}
	d.redis.Signal(t, syscall.SIGCONT)
	await(t, time.Minute, accepted)
}
