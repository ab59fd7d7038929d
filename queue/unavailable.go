package queue

import (
	"errors"
	"io"
	"net"
	"net/url"

	"github.com/redis/go-redis/v9"
)

// refusals are how Redis begins an error when it is there and does not serve
// us for now or until somebody mends it.
var refusals = [...]string{"LOADING", "READONLY", "MISCONF", "OOM", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "NOAUTH", "WRONGPASS", "NOPERM", "BUSY", "TRYAGAIN"}

// Unavailable reports an error of a Redis that does not answer, or not to us.
// Errors of other systems, which may hold one of the network too, are to be
// sorted out before.
func Unavailable(err error) bool {
	var request *url.Error
	if err == nil || errors.As(err, &request) {
		return false
	}
	for _, p := range refusals {
		if redis.HasErrorPrefix(err, p) {
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted)
}
