package api

import (
	"net"
	"sync"
)

// MaxConnections is how many connections a listener holds at once: more than
// proxies in front of us keep open, few enough for our memory and descriptors.
const MaxConnections = 8192

// Capped returns a listener that holds at most n connections. One more is
// closed at once instead of waiting: it costs nothing, and a proxy tries again.
func Capped(l net.Listener, n int) net.Listener {
	return &capped{Listener: l, slots: make(chan struct{}, n)}
}

type capped struct {
	net.Listener
	slots chan struct{}
}

// Accept waits for a connection that finds a place.
func (l *capped) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.slots })}, nil
		default:
			_ = c.Close()
		}
	}
}

// placed gives its place back when it is closed.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
