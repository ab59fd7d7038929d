package simulation

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/ml-connector/ml-connector/internal/netfault"
)

// network joins listeners and dialers of one process by name, over pipes: a
// real socket would keep virtual time from moving.
type network struct {
	mu    sync.Mutex
	hosts map[string]*listener
}

func newNetwork() *network { return &network{hosts: map[string]*listener{}} }

// listen opens a host, in the form of net.ListenConfig.Listen.
func (n *network) listen(_ context.Context, _, addr string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts[addr] != nil {
		return nil, fmt.Errorf("listen on %s: in use", addr)
	}
	l := &listener{n: n, addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
	n.hosts[addr] = l
	return l, nil
}

// dial connects to a host, in the form of net.Dialer.DialContext.
func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: connection refused", addr)
	}
	near, far := netfault.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, fmt.Errorf("dial %s: connection refused", addr)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// transport is a client's way into the network.
func (n *network) transport() *http.Transport {
	return &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 8}
}

type listener struct {
	n     *network
	addr  string
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.n.mu.Lock()
		delete(l.n.hosts, l.addr)
		l.n.mu.Unlock()
		close(l.done)
	})
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.addr) }

// address is a host of the network.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }
