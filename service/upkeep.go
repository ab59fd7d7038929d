package service

import (
	"cmp"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/ml-connector/ml-connector/queue"
)

const (
	beatEvery   = 5 * time.Second
	sweepEvery  = 30 * time.Second
	repairEvery = 24 * time.Hour
)

// upkeep looks after what no turn of a lane looks after: whether Redis is
// still the one that it was, lanes that nobody would ever claim, and records
// whose parts have drifted apart.
type upkeep struct {
	rooms Rooms
	rdb   redis.UniversalClient
	log   *zap.Logger
	beat  time.Duration

	losses, woken, repaired prometheus.Counter
}

func newUpkeep(reg prometheus.Registerer, log *zap.Logger, beat time.Duration) *upkeep {
	u := &upkeep{log: log, beat: cmp.Or(beat, beatEvery),
		losses:   prometheus.NewCounter(prometheus.CounterOpts{Name: "mlc_redis_losses_total", Help: "Turns that found Redis to have lost something of their tenant."}),
		woken:    prometheus.NewCounter(prometheus.CounterOpts{Name: "mlc_lanes_woken_total", Help: "Lanes with work that no worker would have claimed, found by the sweep."}),
		repaired: prometheus.NewCounter(prometheus.CounterOpts{Name: "mlc_records_repaired_total", Help: "Records whose hash, indexes and marks disagreed and were mended."}),
	}
	reg.MustRegister(u.losses, u.woken, u.repaired)
	return u
}

func (u *upkeep) lost(tenant string) {
	u.losses.Inc()
	u.log.Error("Redis has lost data: creates wait, and all of NetSuite is read again", zap.String("tenant", tenant))
}

func (u *upkeep) mended(tenant string, n int) {
	u.repaired.Add(float64(n))
	u.log.Warn("records were mended: their hash, indexes and marks disagreed", zap.String("tenant", tenant), zap.Int("records", n))
}

// run works until ctx is done. Every process beats; of all, one sweeps.
func (u *upkeep) run(ctx context.Context) {
	for next := time.Now(); ; {
		if _, err := u.rooms.Queue.Beat(ctx); err != nil && ctx.Err() == nil {
			u.log.Warn("look after Redis", zap.Error(err))
		}
		if now := time.Now(); !now.Before(next) {
			next = now.Add(sweepEvery)
			if err := u.sweep(ctx); err != nil && ctx.Err() == nil {
				u.log.Warn("sweep the lanes", zap.Error(err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(u.beat):
		}
	}
}

// sweep does what is due and no other process has begun.
func (u *upkeep) sweep(ctx context.Context) error {
	mine, err := u.rdb.SetNX(ctx, queue.KeySweep, owner(), sweepEvery-beatEvery).Result()
	if err != nil || !mine {
		return err
	}
	ids, err := u.rooms.Tenants.IDs(ctx)
	if err != nil {
		return err
	}
	n, err := u.rooms.Queue.Sweep(ctx, ids)
	if u.woken.Add(float64(n)); n > 0 {
		u.log.Warn("lanes were woken that no worker would have claimed", zap.Int("lanes", n))
	}
	if err != nil {
		return err
	}
	mine, err = u.rdb.SetNX(ctx, queue.KeySweep+":records", owner(), repairEvery).Result()
	if err != nil || !mine {
		return err
	}
	_, err = u.rooms.Queue.RepairAll(ctx)
	return err
}
