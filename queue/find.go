package queue

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The search index tells which records a number or a vendor's name may be of,
// so that a search need not look at all of them:
//
//	mlc:{t}:find:<shard>       sorted set of <number>\0<ref>, score 0
//	mlc:{t}:names              sorted set of <rest of a name from a word on>\0<name>, score 0
//	mlc:{t}:of:<type>:<name>   set of the ids of a type that bear the name, by its hash
//
// It is a hint: entries are added when a record settles and never taken away,
// so that whoever finds one looks at the record itself. Shards stay small
// enough for Redis to pack them, and sets of ids pack by themselves; an index
// by one large sorted set took three times as much memory.

// findShards spread the numbers.
const findShards = 4096

// The facts that people search by; package state names them too.
const (
	factNumber     = "number"
	factParty      = "party"
	factCin7Number = "cin7_number"
)

// typeVendor is the type whose number is a name.
const typeVendor = "vendor"

// FindTerm is how a number or a name is written in the search index: in lower
// case, with single spaces.
func FindTerm(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Index adds the search index of a settled record to a pipeline.
func Index(ctx context.Context, p redis.Pipeliner, tenant string, r Ref, facts map[string]string) {
	name := FindTerm(facts[factParty])
	number := FindTerm(facts[factNumber])
	if r.Type == typeVendor {
		name, number = number, ""
	}
	for _, term := range []string{number, tail(number), FindTerm(facts[factCin7Number])} {
		if term != "" {
			p.ZAdd(ctx, KeyFind(tenant, term), redis.Z{Member: term + "\x00" + r.String()})
		}
	}
	if name == "" {
		return
	}
	p.SAdd(ctx, KeyOf(tenant, r.Type, name), r.ID)
	var starts []redis.Z
	for i := range name {
		if i == 0 || name[i-1] == ' ' {
			starts = append(starts, redis.Z{Member: name[i:] + "\x00" + name})
		}
	}
	p.ZAdd(ctx, KeyNames(tenant), starts[:min(len(starts), maxWords)]...)
}

// maxWords bounds the words by which a name is found.
const maxWords = 8

// tail is the digits at the end of a number, by which people look for it too:
// 20140 of sgi-20140. "" when they are all of it, or fewer than three.
func tail(number string) string {
	at := len(strings.TrimRight(number, "0123456789"))
	if at == 0 || len(number)-at < 3 {
		return ""
	}
	return number[at:]
}

func findShard(term string) string {
	sum := sha256.Sum256([]byte(term))
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], binary.BigEndian.Uint16(sum[:2])%findShards)
	return hex.EncodeToString(b[:])
}

func nameHash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:8])
}
