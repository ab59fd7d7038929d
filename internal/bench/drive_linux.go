package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load is what a driver is told to send.
type load struct {
	addr    string
	paths   string // with a comma between; connections take turns
	conns   int
	seconds float64
	shape   string // same: one record; spread: any of 10,000; new: each another
	first   int    // of the new ones
}

// loadResult is what it saw after the warm-up.
type loadResult struct {
	Requests, Failed int
	Seconds          float64
	P50, P99         float64 // ms
}

func (r loadResult) rate() float64 { return float64(r.Requests) / r.Seconds }

// warmUp is not counted.
const warmUp = 500 * time.Millisecond

// driveMain is the load driver: a process of its own with one thread that
// waits on all connections at once, so that it takes as little as it can of
// the machine that it shares with what it measures. It sends the next post on
// a connection as soon as the last is answered.
func driveMain(args []string) error {
	var l load
	f := flag.NewFlagSet("drive", flag.ContinueOnError)
	f.StringVar(&l.addr, "addr", "", "")
	f.StringVar(&l.paths, "paths", "/", "")
	f.IntVar(&l.conns, "conns", 1, "")
	f.Float64Var(&l.seconds, "seconds", 1, "")
	f.StringVar(&l.shape, "shape", "spread", "")
	f.IntVar(&l.first, "first", 0, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	res, err := l.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}

// conn is one connection with its request, of which only the id changes.
type conn struct {
	fd      int
	request []byte
	id      []byte // within request
	sent    time.Time
	answer  [8192]byte
	have    int
}

const firstID = 100_000_000

// body is a webhook of 1 KB as a SuiteScript sends it; its id has nine digits.
func body(id int) []byte {
	b := fmt.Appendf(nil, `{"recordType":"vendorbill","id":"%d","type":"edit","newRecord":{"memo":"`, id)
	b = append(b, bytes.Repeat([]byte("x"), 1024-len(b)-3)...)
	return append(b, `"}}`...)
}

func dial(addr, path string) (*conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	to := &syscall.SockaddrInet4{Port: n}
	copy(to.Addr[:], net.ParseIP(host).To4())
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Connect(fd, to); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		return nil, err
	}
	payload := body(firstID)
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, addr, len(payload))
	c := &conn{fd: fd, request: append([]byte(head), payload...)}
	at := bytes.Index(c.request, []byte(strconv.Itoa(firstID)))
	c.id = c.request[at : at+9]
	return c, syscall.SetNonblock(fd, true)
}

// send writes the next request.
func (c *conn) send(id int) error {
	strconv.AppendInt(c.id[:0], int64(firstID+id), 10)
	c.have, c.sent = 0, time.Now()
	n, err := syscall.Write(c.fd, c.request)
	if err != nil || n != len(c.request) {
		return fmt.Errorf("sent %d of %d bytes: %w", n, len(c.request), err)
	}
	return nil
}

// read takes what has come; status is 0 until the answer is whole.
func (c *conn) read() (status int, err error) {
	n, err := syscall.Read(c.fd, c.answer[c.have:])
	if errors.Is(err, syscall.EAGAIN) {
		return 0, nil
	}
	if err != nil || n == 0 {
		return 0, fmt.Errorf("the server closed the connection: %w", err)
	}
	c.have += n
	head, rest, ok := bytes.Cut(c.answer[:c.have], []byte("\r\n\r\n"))
	if !ok {
		return 0, nil
	}
	length := 0
	if _, after, found := bytes.Cut(head, []byte("Content-Length: ")); found {
		value, _, _ := bytes.Cut(after, []byte("\r\n"))
		if length, err = strconv.Atoi(string(value)); err != nil {
			return 0, err
		}
	}
	if len(rest) < length {
		return 0, nil
	}
	return strconv.Atoi(string(head[9:12]))
}

func (l load) run() (loadResult, error) {
	var res loadResult
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return res, err
	}
	paths := strings.Split(l.paths, ",")
	conns := map[int32]*conn{}
	rnd, next := rand.New(rand.NewPCG(1, uint64(l.first))), l.first
	id := func() int {
		switch l.shape {
		case "same":
			return 0
		case "new":
			next++
			return next
		}
		return rnd.IntN(10_000)
	}
	for i := range l.conns {
		c, err := dial(l.addr, paths[i%len(paths)])
		if err != nil {
			return res, err
		}
		conns[int32(c.fd)] = c
		if err := syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, c.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}); err != nil {
			return res, err
		}
	}
	for _, c := range conns {
		if err := c.send(id()); err != nil {
			return res, err
		}
	}
	begin := time.Now().Add(warmUp)
	end := begin.Add(time.Duration(l.seconds * float64(time.Second)))
	var took []time.Duration
	events := make([]syscall.EpollEvent, l.conns)
	for now := time.Now(); now.Before(end); now = time.Now() {
		n, err := syscall.EpollWait(ep, events, 100)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return res, err
		}
		for _, e := range events[:max(n, 0)] {
			c := conns[e.Fd]
			status, err := c.read()
			if err != nil {
				return res, err
			}
			if status == 0 {
				continue
			}
			if at := time.Now(); at.After(begin) {
				took = append(took, at.Sub(c.sent))
				if status != 202 {
					res.Failed++
				}
			}
			if err := c.send(id()); err != nil {
				return res, err
			}
		}
	}
	if len(took) == 0 {
		return res, fmt.Errorf("no answer in %.1f s", l.seconds)
	}
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))]) / float64(time.Millisecond) }
	res.Requests, res.Seconds, res.P50, res.P99 = len(took), l.seconds, at(0.50), at(0.99)
	return res, nil
}
