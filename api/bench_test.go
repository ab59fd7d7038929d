package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/api"
	"github.com/ml-connector/ml-connector/queue"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/state"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"io"
)

// BenchmarkWebhook is a post through the whole public router into a real
// redis-server, without the network in front.
func BenchmarkWebhook(b *testing.B) {
	rdb := redistest.Server(b, "--appendfsync", "no")
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.InfoLevel))
	h := open(b, func(c *api.Config) { c.Queue, c.States, c.Log = queue.New(rdb, queue.Options{}), state.New(rdb), log })
	padded := `{"recordType":"vendorbill","id":"48213","type":"edit","newRecord":{"memo":"` + strings.Repeat("x", 940) + `"}}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, hook, strings.NewReader(padded))
		w := httptest.NewRecorder()
		h.pub.Config.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			b.Fatalf("got %d: %s", w.Code, w.Body)
		}
	}
}
