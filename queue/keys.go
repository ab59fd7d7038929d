package queue

// All key names are built here. Everything of one tenant shares the hash tag
// {tenant}, so that one script touches one slot of a Redis Cluster.

// KeyLanes is the sorted set tenant -> when its lane next wants a worker.
const KeyLanes = "mlc:lanes"

// KeyEpoch is the hash that tells this Redis from an empty or restored one.
const KeyEpoch = "mlc:epoch"

// KeySweep is held by the process that sweeps the lanes.
const KeySweep = "mlc:sweep"

// keySwept is the tenant that a sweep looked at last.
const keySwept = KeySweep + ":after"

func key(tenant, rest string) string { return "mlc:{" + tenant + "}:" + rest }

// KeyStream is the stream of waiting marks of a class.
func KeyStream(tenant string, c Class) string { return key(tenant, string(c)) }

// KeyLane is the hash with owner, fence, lease end and pause of a lane.
func KeyLane(tenant string) string { return key(tenant, "lane") }

// KeyRecord is the hash of what we know of a record.
func KeyRecord(tenant string, r Ref) string { return key(tenant, "rec:"+r.String()) }

// KeyIntents is the hash record -> its open write to Cin7.
func KeyIntents(tenant string) string { return key(tenant, "intents") }

// KeyDue is the sorted set record -> when it wants another try.
func KeyDue(tenant string) string { return key(tenant, "due") }

// KeyByState is the sorted set record -> last change, an index for lists.
func KeyByState(tenant string, s State) string { return key(tenant, "by:"+string(s)) }

// KeyFind is the sorted set of the numbers whose shard a search term is in.
func KeyFind(tenant, term string) string { return key(tenant, "find:"+findShard(term)) }

// KeyNames is the sorted set of the names of vendors, from each of their words
// on.
func KeyNames(tenant string) string { return key(tenant, "names") }

// KeyOf is the set of the ids of a type that bear a vendor's name.
func KeyOf(tenant, recordType, name string) string {
	return key(tenant, "of:"+recordType+":"+nameHash(name))
}

// KeyLog is the capped list with a record's timeline, oldest step first. A
// list takes what its lines take; a stream has 4 KB to itself from its first
// entry on.
func KeyLog(tenant string, r Ref) string { return key(tenant, "steps:"+r.String()) }

// KeyConfig is the hash with the tenant's settings.
func KeyConfig(tenant string) string { return key(tenant, "cfg") }

// KeySealed is the hash with the tenant's sealed credentials.
func KeySealed(tenant string) string { return key(tenant, "sealed") }

// KeyUses is the hash with how often and when each webhook secret and address
// was used.
func KeyUses(tenant string) string { return key(tenant, "uses") }

// KeyBinding is the hash with the NetSuite account and the Cin7 company that
// the tenant first met.
func KeyBinding(tenant string) string { return key(tenant, "bound") }

// The audit log, of all tenants. Its tag holds a character that no tenant's
// id has.
const (
	KeyAudit     = "mlc:{!audit}:log"
	KeyAuditHead = "mlc:{!audit}:head"
)

// KeyWatermarks is the hash with the poller's watermarks and times.
func KeyWatermarks(tenant string) string { return key(tenant, "wm") }

// KeyCin7 is the hash Cin7 GUID -> type:id/slot, the reverse of the links.
func KeyCin7(tenant string) string { return key(tenant, "cin7") }

// KeyHooks is the capped stream of recent webhooks with their verdicts.
func KeyHooks(tenant string) string { return key(tenant, "hooks") }

// KeyTieOut is the last reconciliation: its report, JSON, packed with gzip.
func KeyTieOut(tenant string) string { return key(tenant, "tieout") }

// KeyKnown is the sorted set of the ids of a type that polls have seen in
// NetSuite, each padded (KnownMember), all of score 0.
func KeyKnown(tenant, recordType string) string { return key(tenant, "known:"+recordType) }

// KeyDays is the hash day of creation -> how many ids are in KeyKnown.
func KeyDays(tenant, recordType string) string { return key(tenant, "days:"+recordType) }

// KeyMissing is the hash id -> sweep in which NetSuite no longer showed it.
func KeyMissing(tenant, recordType string) string { return key(tenant, "missing:"+recordType) }

// KeyBackfill is the hash with the tenant's backfill.
func KeyBackfill(tenant string) string { return key(tenant, "backfill") }

// KeyMappings is the capped stream of the versions of the tenant's mapping.
func KeyMappings(tenant string) string { return key(tenant, "mappings") }
