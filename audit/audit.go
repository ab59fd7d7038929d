// Package audit keeps who changed what: a log that can be added to, and in
// which every entry vouches for all before it.
//
//	mlc:{!audit}:log    stream  <seq>-0 -> entry (JSON), hash
//	mlc:{!audit}:head   hash    seq, hash of the last entry
//
//	hash n = HMAC-SHA256(key, hash n-1 | entry n)
//
// The key is of the installation and is stored sealed, so that whoever can
// write to Redis but not open the keyset cannot make a chain of his own. What
// a chain alone cannot show is that its end was cut off and the head set back:
// for that, Verify takes a head that was noted elsewhere, and every entry is
// written to the service's log with its number and hash as well.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/queue"
)

// Entry is one change.
type Entry struct {
	Seq    int64             `json:"seq"` // from 1, without a gap
	At     time.Time         `json:"at"`
	Actor  string            `json:"actor"`  // role and token, or the user of the command line
	Action string            `json:"action"` // for example tenant.apply
	Tenant string            `json:"tenant,omitempty"`
	Detail map[string]string `json:"detail,omitempty"` // never a secret
	Hash   string            `json:"-"`                // of this entry and all before it
}

// Log is the audit log.
type Log struct {
	rdb redis.UniversalClient
	key func(context.Context) ([]byte, error)
	log *zap.Logger
}

// New returns the log kept in rdb. key gives the installation's key.
func New(rdb redis.UniversalClient, key func(context.Context) ([]byte, error), log *zap.Logger) *Log {
	return &Log{rdb, key, log}
}

// appendScript adds an entry if nobody else has since the head was read.
//
// KEYS 1 head, 2 log. ARGV 1 seq that was read, 2 new seq, 3 entry, 4 hash.
// Returns "ok" or "changed".
var appendScript = redis.NewScript(`
if (redis.call('HGET', KEYS[1], 'seq') or '0') ~= ARGV[1] then return 'changed' end
redis.call('XADD', KEYS[2], ARGV[2] .. '-0', 'entry', ARGV[3], 'hash', ARGV[4])
redis.call('HSET', KEYS[1], 'seq', ARGV[2], 'hash', ARGV[4])
return 'ok'
`)

// appendTries is how often an append meets somebody else's before it gives up.
const appendTries = 50

// limits of what strangers to the log may put into it.
const (
	maxDetail = 2000 // characters of a value
)

// Append adds an entry; Seq, At and Hash are filled in. Whatever it is about
// must not happen when it fails.
func (l *Log) Append(ctx context.Context, e Entry) error {
	key, err := l.key(ctx)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	for k, v := range e.Detail {
		if r := []rune(v); len(r) > maxDetail {
			e.Detail[k] = string(r[:maxDetail]) + "..."
		}
	}
	for range appendTries {
		seq, hash, err := l.Head(ctx)
		if err != nil {
			return err
		}
		e.Seq, e.At = seq+1, time.Now().UTC().Truncate(time.Millisecond)
		b, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("audit %s: %w", e.Action, err)
		}
		sum := chain(key, hash, b)
		v, err := appendScript.Run(ctx, l.rdb, []string{queue.KeyAuditHead, queue.KeyAudit}, strconv.FormatInt(seq, 10), strconv.FormatInt(e.Seq, 10), b, sum).Text()
		if err != nil {
			return fmt.Errorf("audit %s: %w", e.Action, err)
		}
		if v == "ok" {
			l.log.Info("audit", zap.Int64("seq", e.Seq), zap.String("hash", sum), zap.String("actor", e.Actor), zap.String("action", e.Action), zap.String("tenant", e.Tenant), zap.Any("detail", e.Detail))
			return nil
		}
	}
	return fmt.Errorf("audit %s: the log is written by too many at once: try again", e.Action)
}

func chain(key []byte, before string, entry []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(before))
	m.Write([]byte{0})
	m.Write(entry)
	return hex.EncodeToString(m.Sum(nil))
}

// Head is the number and the hash of the last entry; 0 and "" without one.
// Note it elsewhere to be able to prove later that nothing was cut off.
func (l *Log) Head(ctx context.Context) (seq int64, hash string, err error) {
	h, err := l.rdb.HGetAll(ctx, queue.KeyAuditHead).Result()
	if err != nil {
		return 0, "", fmt.Errorf("read the head of the audit log: %w", err)
	}
	if h["seq"] == "" {
		return 0, "", nil
	}
	if seq, err = strconv.ParseInt(h["seq"], 10, 64); err != nil {
		return 0, "", fmt.Errorf("the head of the audit log is damaged: seq %q", h["seq"])
	}
	return seq, h["hash"], nil
}

// List returns entries, newest first, before a given number (0: from the end).
func (l *Log) List(ctx context.Context, before int64, limit int) ([]Entry, error) {
	from := "+"
	if before > 0 {
		from = "(" + strconv.FormatInt(before, 10) + "-0"
	}
	rows, err := l.rdb.XRevRangeN(ctx, queue.KeyAudit, from, "-", int64(limit)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	out := make([]Entry, 0, len(rows))
	for _, m := range rows {
		var e Entry
		text, _ := m.Values["entry"].(string)
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return nil, fmt.Errorf("entry %s of the audit log cannot be read: run audit verify", m.ID)
		}
		e.Hash, _ = m.Values["hash"].(string)
		out = append(out, e)
	}
	return out, nil
}

// Broken says where the chain does not hold.
type Broken struct {
	Seq  int64 // the first entry that is wrong or missing
	What string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("the audit log was changed at entry %d: %s", b.Seq, b.What)
}

// ParseHead reads a head as Verify takes it: number:hash.
func ParseHead(s string) (seq int64, hash string, err error) {
	n, hash, ok := strings.Cut(s, ":")
	seq, err = strconv.ParseInt(n, 10, 64)
	if b, herr := hex.DecodeString(hash); !ok || err != nil || seq < 1 || herr != nil || len(b) != sha256.Size {
		return 0, "", fmt.Errorf("%.80q is not a head of the audit log: want number:hash as audit verify prints it", s)
	}
	return seq, hash, nil
}

// verifyPage is how many entries are read at once.
const verifyPage = 1000

// Verify checks the whole chain and returns how many entries it has; a *Broken
// names the first that is wrong. With a head that was noted before (seq above
// 0) it also checks that the log still holds it.
func (l *Log) Verify(ctx context.Context, seq int64, hash string) (n int64, err error) {
	key, err := l.key(ctx)
	if err != nil {
		return 0, err
	}
	headSeq, headHash, err := l.Head(ctx)
	if err != nil {
		return 0, err
	}
	before, from := "", "-"
	for {
		rows, err := l.rdb.XRangeN(ctx, queue.KeyAudit, from, "+", verifyPage).Result()
		if err != nil {
			return n, fmt.Errorf("read the audit log: %w", err)
		}
		for _, m := range rows {
			sum, err := check(key, before, n+1, m)
			if err != nil {
				return n, err
			}
			n, before = n+1, sum
			if n == seq && sum != hash {
				return n, &Broken{n, "it is not the entry whose hash was noted"}
			}
			if n == headSeq && sum != headHash {
				return n, &Broken{n, "the head does not agree with it"}
			}
		}
		if len(rows) < verifyPage {
			break
		}
		from = "(" + rows[len(rows)-1].ID
	}
	// Entries may have been added while we read; fewer than the head says are missing.
	switch {
	case n < headSeq:
		return n, &Broken{n + 1, fmt.Sprintf("it is missing, the head says %d entries", headSeq)}
	case n < seq:
		return n, &Broken{n + 1, fmt.Sprintf("it is missing, there were %d entries when the head was noted", seq)}
	case headSeq == 0 && n > 0:
		return n, &Broken{n, "the head is missing"}
	}
	return n, nil
}

// check recomputes one entry and returns its hash.
func check(key []byte, before string, seq int64, m redis.XMessage) (string, error) {
	text, _ := m.Values["entry"].(string)
	sum, _ := m.Values["hash"].(string)
	if id := strconv.FormatInt(seq, 10) + "-0"; m.ID != id {
		return "", &Broken{seq, "it is missing: entry " + m.ID + " comes in its place"}
	}
	if want := chain(key, before, []byte(text)); !hmac.Equal([]byte(want), []byte(sum)) {
		return "", &Broken{seq, "its text and its hash do not belong together, or an entry before it was taken out"}
	}
	var e Entry
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.Seq != seq {
		return "", &Broken{seq, "it bears another number"}
	}
	return sum, nil
}

// IsBroken reports whether an error is about the chain, not about reading it.
func IsBroken(err error) bool {
	var b *Broken
	return errors.As(err, &b)
}
