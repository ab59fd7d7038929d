package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// process is a program under measurement.
type process struct {
	cmd  *exec.Cmd
	addr string // where it listens
	ops  string // its ops listener, "" when it has none
	said *bytes.Buffer
}

// start runs a program and waits until it listens at addr.
func start(ctx context.Context, addr string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), addr: addr, said: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), env...)
	if filepath.Base(name) == "ml-connector" || len(args) > 0 && args[0] == "receiver" {
		// Its log goes where a pod's goes, to a file, but not to this disk.
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		defer func() { _ = null.Close() }()
		p.cmd.Stdout, p.cmd.Stderr = null, null
	} else {
		p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	err := await(ctx, 20*time.Second, func() error {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	})
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s %v does not listen: %w\n%s", name, args, err, p.said)
	}
	return p, nil
}

func (p *process) stop() {
	if p == nil || p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// cpu is the time that the threads of the process have run so far. The kernel
// counts it to the nanosecond; what /proc/pid/stat shows is a sample by ticks of
// 10 ms, too coarse for a process that sleeps nearly all the time and wakes by a
// timer, which may meet the tick each time.
func (p *process) cpu() time.Duration {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has just ended
		}
		ran, _, _ := strings.Cut(string(b), " ")
		ns, _ := strconv.ParseInt(ran, 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}

// resident is the memory of the process in bytes.
func (p *process) resident() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return float64(pages) * float64(os.Getpagesize())
}

// metric reads a metric without labels from the ops listener.
func (p *process) metric(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ops+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// await tries until f succeeds.
func await(ctx context.Context, limit time.Duration, f func() error) error {
	for end := time.Now().Add(limit); ; {
		err := f()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freeAddress is a local address that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// server is a redis-server in a directory of its own.
type server struct {
	*process
	dir string
	rdb *redis.Client
}

// startRedis runs a redis-server with the documented settings; sync adds to
// the time of each fsync.
func (b *bench) startRedis(ctx context.Context, sync time.Duration, args ...string) (*server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mlc-bench")
	if err != nil {
		return nil, err
	}
	var env []string
	if sync > 0 {
		env = []string{"LD_PRELOAD=" + b.slowSync, fmt.Sprintf("MLC_SYNC_US=%d", sync.Microseconds())}
	}
	_, port, _ := net.SplitHostPort(addr)
	// No rewriting of the append-only file in the middle of a measurement.
	all := append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
		"--auto-aof-rewrite-percentage", "0"}, args...)
	p, err := start(ctx, addr, env, "redis-server", all...)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return &server{process: p, dir: dir, rdb: redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1, PoolSize: 64, ReadTimeout: time.Minute})}, nil
}

func (s *server) stop() {
	if s == nil {
		return
	}
	_ = s.rdb.Close()
	s.process.stop()
	_ = os.RemoveAll(s.dir)
}

// used is the memory that Redis says it uses.
func (s *server) used(ctx context.Context) (float64, error) {
	return s.info(ctx, "memory", "used_memory")
}

// info is a number of an INFO section.
func (s *server) info(ctx context.Context, section, name string) (float64, error) {
	text, err := s.rdb.Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return 0, errors.New("no " + name + " in INFO " + section)
}

// drive runs the load driver as a process of its own.
func (b *bench) drive(ctx context.Context, l load) (loadResult, error) {
	var res loadResult
	c := exec.CommandContext(ctx, b.self, "drive", "-addr", l.addr, "-paths", l.paths, "-conns", strconv.Itoa(l.conns), "-seconds", fmt.Sprint(l.seconds), "-shape", l.shape, "-first", strconv.Itoa(l.first))
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	if err := c.Run(); err != nil {
		return res, fmt.Errorf("drive %s: %w\n%s", l.addr, err, said.String())
	}
	return res, json.Unmarshal(out.Bytes(), &res)
}

// ownCPU is the time that this process has spent so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
