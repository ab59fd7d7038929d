// Package netfault is the network of tests: a pipe in memory that behaves like
// a connection, and a proxy that loses, freezes and cuts.
package netfault

import (
	"net"
	"sync"
	"time"
)

// Pipe is net.Pipe with a buffer, as a connection has: two ends that both write
// before they read do not wait for each other. It works in virtual time.
func Pipe() (near, far net.Conn) {
	a, b := net.Pipe()
	return Buffered(a), Buffered(b)
}

// Buffered gives one end of a net.Pipe a buffer for what is written to it.
func Buffered(c net.Conn) net.Conn { return newEnd(c) }

type end struct {
	net.Conn
	mu      sync.Mutex
	more    *sync.Cond
	pending []byte
	closed  bool
	err     error
}

func newEnd(c net.Conn) *end {
	e := &end{Conn: c}
	e.more = sync.NewCond(&e.mu)
	go e.pump()
	return e
}

// pump carries what was written.
func (e *end) pump() {
	for {
		e.mu.Lock()
		for len(e.pending) == 0 && !e.closed {
			e.more.Wait()
		}
		b := e.pending
		e.pending = nil
		e.mu.Unlock()
		if len(b) == 0 {
			_ = e.Conn.Close()
			return
		}
		if _, err := e.Conn.Write(b); err != nil {
			e.mu.Lock()
			e.err = err
			e.mu.Unlock()
			_ = e.Conn.Close()
			return
		}
	}
}

func (e *end) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return 0, net.ErrClosed
	}
	if e.err != nil {
		return 0, e.err
	}
	e.pending = append(e.pending, b...)
	e.more.Signal()
	return len(b), nil
}

// Close carries what was written, if the other end still reads, and closes.
func (e *end) Close() error {
	e.mu.Lock()
	e.closed = true
	waits := len(e.pending) > 0
	e.mu.Unlock()
	e.more.Signal()
	if !waits {
		return e.Conn.Close()
	}
	return e.Conn.SetDeadline(time.Now().Add(time.Second))
}

// SetDeadline bounds reads; writes go into the buffer and wait for nobody.
func (e *end) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes wait for nobody.
func (e *end) SetWriteDeadline(time.Time) error { return nil }
