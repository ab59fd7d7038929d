// Package queue keeps the lanes: one per tenant, on Redis streams. It knows
// records by type and id only; what they mean is not its business.
//
// Everything of a tenant shares the hash tag {t} and so one slot; only what is
// of all tenants lies elsewhere.
//
//	mlc:lanes              sorted set   tenant -> when its lane next wants a worker (Unix ms)
//	mlc:sweep              string       the process that looks for forgotten lanes; mlc:sweep:after, how far it is
//	mlc:{t}:events, bulk   stream       marks that wait or are at work; deleted when they are settled
//	mlc:{t}:lane           hash         owner until fence hold paused
//	mlc:{t}:rec:<ref>      hash         want done state reason message fix since updated next_at attempts crashes;
//	                                    qid class (its waiting entry), taken (the entry in a worker's hands)
//	mlc:{t}:due            sorted set   ref -> when it wants another try
//	mlc:{t}:by:<state>     sorted set   ref -> last change
//	mlc:{t}:steps:<ref>    list         timeline, capped
//
// A record:
//
//	      mark                take                 settle
//	( ) -------> pending -------------> running -------------> completed | waiting | parked | skipped
//	                ^ ^                    |                              |          |
//	                | '---- marked again --'                              |          | due
//	                '-------------------- mark ---------------------------'----------'
//
// A storm of marks on one record is one waiting entry: an entry is added only
// when none waits, and want grows with it; done follows when a worker that took
// it settles it. A mark of a record that waits writes nothing, and so waits for
// no disk: what it asks for is durable already, and is read after it is taken.
//
// The holder of a lane alone reads its streams, from their beginning in each
// turn: what a predecessor took and did not settle is oldest, and named in
// taken. So no consumer group is needed, which would be a second account of the
// same that can differ, and whose every change is written to disk.
//
// What many records need of Redis goes in one run of a script: a batch is taken
// in one, and settled in one.
//
// A lane is claimed by moving its score to the end of the lease, and held
// under a fence that only grows. Every write names its fence, and a script
// refuses one that is not current, so a worker that slept through its lease
// changes nothing.
//
// No wake-up is lost although mlc:lanes is in another slot: a mark first adds
// its entry and then lowers the score; Release first raises the score, then
// looks for entries, then lowers it to what it found. Whichever comes last,
// the score ends low when an entry waits.
package queue
