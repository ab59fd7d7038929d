package allowlist_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/allowlist"
	"github.com/ml-connector/ml-connector/internal/soak"
)

// A hop is one entry of the chain as somebody wrote it, and what it stands
// for. The matrix is built of hops, so what it expects comes from their places
// alone: it never reads a header.
type hop struct {
	text  string
	addr  string // "" is no address at all
	proxy bool   // one of ours
}

var (
	// Written by the client: it may claim anything.
	claims = map[string][]hop{
		"nothing":               nil,
		"an allowed address":    {{text: "203.0.113.5", addr: "203.0.113.5"}},
		"allowed, then empty":   {{text: "203.0.113.5", addr: "203.0.113.5"}, {}},
		"empties":               {{}, {}, {}},
		"one of our proxies":    {{text: "203.0.113.5", addr: "203.0.113.5"}, {text: "10.0.0.9", addr: "10.0.0.9", proxy: true}},
		"garbage":               {{text: "203.0.113.5;evil"}, {text: "unknown"}},
		"a whole chain":         {{text: "203.0.113.5", addr: "203.0.113.5"}, {text: "203.0.113.6", addr: "203.0.113.6"}, {text: "203.0.113.7", addr: "203.0.113.7"}},
		"a chain of empties":    {{text: "203.0.113.5", addr: "203.0.113.5"}, {}, {}, {}},
		"spaces and tabs alone": {{text: " \t "}},
	}
	// Written by the first proxy: how it spells the client's address.
	clients = map[string]hop{
		"allowed":           {text: "203.0.113.77", addr: "203.0.113.77"},
		"stranger":          {text: "198.51.100.66", addr: "198.51.100.66"},
		"allowed IPv6":      {text: "2001:db8:1::7", addr: "2001:db8:1::7"},
		"stranger IPv6":     {text: "2001:DB8:2::7", addr: "2001:db8:2::7"},
		"allowed, mapped":   {text: "::ffff:203.0.113.77", addr: "203.0.113.77"},
		"stranger, mapped":  {text: "::ffff:198.51.100.66", addr: "198.51.100.66"},
		"zone":              {text: "2001:db8:1::7%eth0", addr: "2001:db8:1::7"},
		"port":              {text: "203.0.113.77:4711"},
		"brackets":          {text: "[2001:db8:1::7]"},
		"quotes":            {text: `"203.0.113.77"`},
		"leading zero":      {text: "203.0.113.077"},
		"a name":            {text: "unknown"},
		"empty":             {},
		"network":           {text: "203.0.113.0/24"},
		"two with a space":  {text: "203.0.113.77 203.0.113.78"},
		"number":            {text: "3405803853"},
		"trailing dot":      {text: "203.0.113.77."},
		"no-break space":    {text: "\u00a0203.0.113.77"},
		"address of a peer": {text: "127.0.0.1", addr: "127.0.0.1", proxy: true},
	}
	// Written by the proxies behind the first, and what a broken one leaves.
	tails = map[string][]hop{
		"0 more":               nil,
		"1 more":               {{text: "10.0.0.2", addr: "10.0.0.2", proxy: true}},
		"2 more":               {{text: "10.0.0.3", addr: "10.0.0.3", proxy: true}, {text: "fd00::2", addr: "fd00::2", proxy: true}},
		"empty at the end":     {{}},
		"1 more, then empty":   {{text: "10.0.0.2", addr: "10.0.0.2", proxy: true}, {}},
		"empty, then 1 more":   {{}, {text: "10.0.0.2", addr: "10.0.0.2", proxy: true}},
		"garbage, then 1 more": {{text: "_hidden"}, {text: "10.0.0.2", addr: "10.0.0.2", proxy: true}},
	}
	// How the hops come as header lines.
	layouts = map[string]func([]hop) []string{
		"one line":       func(c []hop) []string { return []string{"X-Forwarded-For: " + texts(c, ", ")} },
		"no spaces":      func(c []hop) []string { return []string{"x-forwarded-for:" + texts(c, ",")} },
		"tabs":           func(c []hop) []string { return []string{"X-FORWARDED-FOR:\t" + texts(c, "\t,\t ")} },
		"a line each":    func(c []hop) []string { return lines(c, 1) },
		"lines of two":   func(c []hop) []string { return lines(c, 2) },
		"lines of three": func(c []hop) []string { return append([]string{"X-Forwarded: 203.0.113.5"}, lines(c, 3)...) },
	}
)

func texts(c []hop, sep string) string {
	t := make([]string, len(c))
	for i, h := range c {
		t[i] = h.text
	}
	return strings.Join(t, sep)
}

func lines(c []hop, n int) []string {
	var l []string
	for ; len(c) > 0; c = c[min(n, len(c)):] {
		l = append(l, "X-Forwarded-For: "+texts(c[:min(n, len(c))], ", "))
	}
	return l
}

// trusts are the settings under test and, by places, whom each must believe.
// "peer" stands for the address of the socket.
var trusts = map[string]struct {
	setting string
	want    func(chain []hop) string
}{
	"0 proxies": {"0", func([]hop) string { return "peer" }},
	"1 proxy":   {"1", fromTheRight(1)},
	"2 proxies": {"2", fromTheRight(2)},
	"3 proxies": {"3", fromTheRight(3)},
	"networks": {"127.0.0.0/8, ::1, 10.0.0.0/8, fd00::/8", func(chain []hop) string {
		for i := range chain {
			if h := chain[len(chain)-1-i]; !h.proxy {
				return h.addr
			}
		}
		return ""
	}},
	"networks without the peer": {"10.0.0.0/8, fd00::/8", func([]hop) string { return "peer" }},
}

func fromTheRight(n int) func([]hop) string {
	return func(chain []hop) string {
		if len(chain) < n {
			return ""
		}
		return chain[len(chain)-n].addr
	}
}

// Every header shape meets every trust setting over real sockets of both
// families. The other headers that name a client always name an allowed one.
func TestHeaderMatrix(t *testing.T) {
	list, err := allowlist.Parse([]string{"203.0.113.0/24", "2001:db8:1::/48"})
	if err != nil {
		t.Fatal(err)
	}
	const others = "X-Real-IP: 203.0.113.5\r\nTrue-Client-IP: 203.0.113.5\r\nCF-Connecting-IP: 203.0.113.5\r\nForwarded: for=203.0.113.5\r\n"
	cells, accepts, rejects, wrong := 0, 0, 0, 0
	for trustName, trust := range trusts {
		for _, host := range []string{"127.0.0.1", "::1"} {
			ask := listen(t, host, trust.setting)
			cell := func(name string, chain []hop, head []string) {
				cells++
				want := trust.want(chain)
				if want == "peer" {
					want = host
				}
				wantAddr := netip.Addr{}
				if want != "" {
					wantAddr = netip.MustParseAddr(want)
				}
				got := ask(strings.Join(append(head, ""), "\r\n") + others)
				switch in := list.Contains(wantAddr); {
				case list.Contains(got) && !in:
					accepts++
				case in && !list.Contains(got):
					rejects++
				}
				if got != wantAddr {
					if wrong++; wrong <= 20 {
						t.Errorf("%s, socket %s, %s: got %v, want %v: %q", trustName, host, name, got, wantAddr, head)
					}
				}
			}
			cell("no header", nil, nil)
			for claimName, claim := range claims {
				for clientName, client := range clients {
					for tailName, tail := range tails {
						chain := append(append(append([]hop{}, claim...), client), tail...)
						for layoutName, layout := range layouts {
							if layoutName != "one line" && !strings.Contains("allowed stranger empty", clientName) {
								continue // how it is spelled does not depend on the lines
							}
							cell(fmt.Sprintf("claim %s, client %s, %s, %s", claimName, clientName, tailName, layoutName), chain, layout(chain))
						}
					}
				}
			}
		}
	}
	if accepts != 0 || rejects != 0 || wrong != 0 || cells < 200 {
		t.Errorf("of %d cells %d wrong accepts, %d wrong rejects, %d wrong addresses", cells, accepts, rejects, wrong)
	}
	soak.Figure(t, "address matrix", "%d cells: %d wrong accepts, %d wrong rejects", cells, accepts, rejects)
}

// listen serves under the trust setting and returns how to ask who knocked.
// The bytes go over one kept connection.
func listen(t *testing.T, host, setting string) func(head string) netip.Addr {
	t.Helper()
	trust, err := allowlist.ParseTrust(setting)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: trust.Middleware()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := allowlist.Client(r).MarshalText()
		_, _ = w.Write(b)
	}))}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	in := bufio.NewReader(conn)
	return func(head string) netip.Addr {
		t.Helper()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"+head+"\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%q: got %s, %v", head, res.Status, err)
		}
		var a netip.Addr
		if err := a.UnmarshalText(b); err != nil {
			t.Fatalf("%q: got %q: %v", head, b, err)
		}
		return a
	}
}
