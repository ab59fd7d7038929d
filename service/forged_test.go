package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/ml-connector/ml-connector/internal/canary"
	"github.com/ml-connector/ml-connector/internal/distributor"
	"github.com/ml-connector/ml-connector/internal/soak"
)

// Posts that nobody should have sent, with and without the secret, write
// nothing to Cin7 and spend no more calls than the tenant's budget; and what
// the service says and keeps meanwhile, at debug level, holds no secret.
func TestForgedPostsWriteNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t, distributor.Options{}, "INVOICE")
	e.world.TellPast()
	e.world.TellLive()
	e.start()
	e.apply()
	e.allWell()
	writes, reads, asked, start := e.world.Cin7.Writes(), len(e.world.Cin7.Calls()), len(e.world.NetSuite.Calls()), time.Now()
	known := e.outcomes()
	n := soak.N(4000, 100_000)
	const senders = 8
	var mu sync.Mutex
	answers := map[int]int{}
	var said strings.Builder
	var group sync.WaitGroup
	for s := range senders {
		group.Go(func() {
			r := rand.New(rand.NewPCG(6, uint64(s)))
			c := &http.Client{Transport: &http.Transport{}}
			defer c.CloseIdleConnections()
			for range n / senders {
				id := fmt.Sprint(1_000_000 + r.IntN(200)) // in no account
				if r.IntN(4) == 0 {
					id = known[r.IntN(len(known))].ID
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.public+forgedPath(r), strings.NewReader(forgedBody(r, id)))
				if err != nil {
					t.Error(err)
					return
				}
				res, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				mu.Lock()
				if answers[res.StatusCode]++; answers[res.StatusCode] < 200 {
					said.Write(body)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	e.await(180*time.Second, func() []string {
		l, err := e.rooms.Queue.Lane(t.Context(), tenantID)
		if err != nil {
			return []string{err.Error()}
		}
		for _, waiting := range l.Depth {
			if waiting > 0 {
				return []string{fmt.Sprintf("%v wait", l.Depth)}
			}
		}
		return nil
	})
	took := time.Since(start)
	reads, asked = len(e.world.Cin7.Calls())-reads, len(e.world.NetSuite.Calls())-asked
	if got := e.world.Cin7.Writes() - writes; got != 0 {
		t.Errorf("%d writes to Cin7", got)
	}
	if budget := int(took.Minutes()+2) * e.tenant.Cin7.CallsPerMinute; reads > budget {
		t.Errorf("%d reads of Cin7 in %s, the tenant's budget is %d", reads, took, budget)
	}
	for status := range answers {
		if status != 202 && status != 400 && status != 401 && status != 404 && status != 413 && status != 422 && status != 503 {
			t.Errorf("%d answers %d", answers[status], status)
		}
	}
	if answers[202] == 0 || answers[401] == 0 || answers[422] == 0 {
		t.Errorf("got %v: nothing is proved", answers)
	}
	soak.Figure(t, "forged and fuzzed posts", "%d, answers %v, 0 writes, %d reads of Cin7, %d requests to NetSuite", n, answers, reads, asked)
	e.noSecretIn("the answers", said.String())
	e.noSecretIn("the log", e.logText())
	e.noSecretIn("the metrics", e.get("/metrics"))
	e.noSecretIn("the API", e.get("/api/v1/tenants/"+tenantID)+e.get("/api/v1/tenants/"+tenantID+"/records?limit=200")+e.get("/api/v1/audit"))
	e.noSecretIn("Redis", e.redisText())
}

func forgedPath(r *rand.Rand) string {
	name, secret := tenantID, distributor.WebhookSecret
	switch r.IntN(6) {
	case 0:
		name = fmt.Sprintf("t%d", r.Uint32())
	case 1:
		secret = fmt.Sprintf("%064x", r.Uint64())
	case 2:
		return "/webhooks/netsuite/" + name
	case 3:
		secret = secret[:len(secret)-1]
	}
	return "/webhooks/netsuite/" + name + "?secret=" + url.QueryEscape(secret)
}

func forgedBody(r *rand.Rand, id string) string {
	kind := []string{"vendor", "purchaseorder", "vendorbill", "itemreceipt", "DROP TABLE", "vendor' OR 1=1 --"}[r.IntN(6)]
	body := []string{
		`{"recordType":"` + kind + `","id":"` + id + `"}`,
		`{"recordType":"` + kind + `","id":"` + id + `","fields":{"total":"999999.99","entity":"1","status":"paid"}}`,
		`[{"type":"` + kind + `","id":"` + id + `"},{"type":"vendor","id":"` + id + `"}]`,
		"recordtype=" + url.QueryEscape(kind) + "&internalid=" + id,
		`{"type":"deleted","recordType":"` + kind + `","id":"` + id + `","eventType":"delete"}`,
		`{"id":"1","id":"` + id + `","type":"vendor"}`,
		strings.Repeat("[", r.IntN(2000)),
		`{"id":"` + id + ` OR 1=1","type":"vendor"}`,
		`{"id":-` + id + `.5e99,"type":"vendor"}`,
	}[r.IntN(9)]
	if r.IntN(3) == 0 { // fuzzed: bytes changed anywhere
		b := []byte(body)
		for range r.IntN(4) {
			if len(b) > 0 {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
		}
		return string(b)
	}
	return body
}

// secrets are the canaries of a tenant.
func (e *env) secrets() canary.Set {
	return canary.OfTenant(e.creds.NetSuiteKeyPEM.Reveal(), distributor.Cin7Key, distributor.WebhookSecret)
}

// noSecretIn fails when a secret is in the text, as it is or encoded.
func (e *env) noSecretIn(place, text string) {
	e.t.Helper()
	e.nothingOf(e.secrets(), place, text)
}

func (e *env) nothingOf(secrets canary.Set, place, text string) {
	e.t.Helper()
	if len(text) == 0 {
		e.t.Errorf("%s: nothing to search", place)
	}
	secrets.Search(e.t, place, text)
}

// searchAll looks for the tenant's secrets in all that is left of a test.
func (e *env) searchAll() {
	secrets := e.secrets()
	if e.disturbed != nil {
		e.disturbed.mu.Lock()
		for token := range e.disturbed.tokens {
			secrets["NetSuite token "+token[len(token)-8:]] = token
		}
		e.disturbed.mu.Unlock()
	}
	secrets.Search(e.t, "the log", e.logText())
	if !canary.Disturbed() { // a test's Redis may be away by now, or not be searchable in a moment
		return
	}
	if text, err := redisText(context.Background(), e.rdb); err == nil {
		secrets.Search(e.t, "Redis", text)
	}
}

// redisText is all that Redis keeps, read key by key.
func (e *env) redisText() string {
	e.t.Helper()
	text, err := redisText(e.t.Context(), e.rdb)
	if err != nil {
		e.t.Fatal(err)
	}
	return text
}

func redisText(ctx context.Context, rdb redis.UniversalClient) (string, error) {
	var out strings.Builder
	it := rdb.Scan(ctx, 0, "*", 500).Iterator()
	for it.Next(ctx) {
		k := it.Val()
		out.WriteString(k)
		kind, err := rdb.Type(ctx, k).Result()
		if err != nil {
			return "", err
		}
		var v any
		switch kind {
		case "string":
			v, err = rdb.Get(ctx, k).Result()
		case "hash":
			v, err = rdb.HGetAll(ctx, k).Result()
		case "list":
			v, err = rdb.LRange(ctx, k, 0, -1).Result()
		case "set":
			v, err = rdb.SMembers(ctx, k).Result()
		case "zset":
			v, err = rdb.ZRange(ctx, k, 0, -1).Result()
		case "stream":
			v, err = rdb.XRange(ctx, k, "-", "+").Result()
		case "none": // gone since the scan
		default:
			return "", fmt.Errorf("%s is a %s, which is not searched", k, kind)
		}
		if err != nil && !errors.Is(err, redis.Nil) {
			return "", err
		}
		fmt.Fprintf(&out, " %v\n", v)
	}
	return out.String(), it.Err()
}
