package allowlist_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/ml-connector/ml-connector/allowlist"
)

func TestContains(t *testing.T) {
	l, err := allowlist.Parse([]string{"203.0.113.0/24", " 198.51.100.7 ", "2001:db8::/32", "10.1.2.3/8", "::ffff:192.0.2.0/120"})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		addr string
		want bool
	}{
		{"203.0.113.1", true}, {"203.0.114.1", false}, {"198.51.100.7", true}, {"198.51.100.8", false}, {"2001:db8:1::1", true}, {"2001:db9::1", false},
		{"::ffff:203.0.113.1", true}, {"10.200.0.1", true}, {"192.0.2.5", true}, {"192.0.3.5", false}, {"fe80::1%eth0", false}, {"2001:db8::1%eth0", true},
	}
	for _, c := range cases {
		if got := l.Contains(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%s: got %v", c.addr, got)
		}
	}
	if l.Contains(netip.Addr{}) || (allowlist.List{}).Contains(netip.MustParseAddr("127.0.0.1")) {
		t.Error("doubt must mean no")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"", "10.0.0.0/33", "2001:db8::/129", "example.com", "10.0.0", "10.0.0.1-10.0.0.9", "fe80::1%eth0", "::ffff:10.0.0.0/40", "10.0.0.0/-1"} {
		_, err := allowlist.Parse([]string{"127.0.0.1", bad})
		if err == nil || !strings.Contains(err.Error(), "entry 2") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestParseTrust(t *testing.T) {
	for _, good := range []string{"", "0", "2", "10.0.0.0/8", "10.0.0.0/8, fd00::/8"} {
		if _, err := allowlist.ParseTrust(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"-1", "11", "many", "10.0.0.0/8;fd00::/8", "1.5", "0.0.0.0/0", "10.0.0.0/8, ::/0", "128.0.0.0/1"} {
		if _, err := allowlist.ParseTrust(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// Header shapes times proxies, over a real socket whose peer is 127.0.0.1.
// "" means that nobody is believed, and so nobody is on a list.
func TestClient(t *testing.T) {
	cases := []struct {
		name, trust string
		xff         []string
		others      map[string]string
		want        string
	}{
		{"no proxy", "0", nil, nil, "127.0.0.1"},
		{"no proxy, forged XFF", "0", []string{"203.0.113.1"}, nil, "127.0.0.1"},
		{"no proxy, forged everything", "0", []string{"203.0.113.1"}, map[string]string{"X-Real-IP": "203.0.113.1", "True-Client-IP": "203.0.113.1", "Forwarded": "for=203.0.113.1"}, "127.0.0.1"},
		{"one proxy", "1", []string{"203.0.113.1"}, nil, "203.0.113.1"},
		{"one proxy, forged in front", "1", []string{"198.51.100.1, 203.0.113.1"}, nil, "203.0.113.1"},
		{"one proxy, two headers", "1", []string{"198.51.100.1", "203.0.113.1"}, nil, "203.0.113.1"},
		{"one proxy, no header", "1", nil, nil, ""},
		{"one proxy, garbage", "1", []string{"203.0.113.1, unknown"}, nil, ""},
		{"one proxy, empty", "1", []string{""}, nil, ""},
		{"one proxy, port in it", "1", []string{"203.0.113.1:4711"}, nil, ""},
		{"one proxy, brackets", "1", []string{"[2001:db8::1]"}, nil, ""},
		{"one proxy, IPv6", "1", []string{"2001:db8::1"}, nil, "2001:db8::1"},
		{"one proxy, mapped", "1", []string{"::ffff:203.0.113.1"}, nil, "203.0.113.1"},
		{"two proxies", "2", []string{"203.0.113.1, 10.0.0.2"}, nil, "203.0.113.1"},
		{"two proxies, forged in front", "2", []string{"198.51.100.1, 203.0.113.1, 10.0.0.2"}, nil, "203.0.113.1"},
		{"two proxies, header too short", "2", []string{"203.0.113.1"}, nil, ""},
		{"three proxies", "3", []string{"203.0.113.1, 10.0.0.3, 10.0.0.2"}, nil, "203.0.113.1"},
		{"three proxies, over two headers", "3", []string{"198.51.100.9, 203.0.113.1", "10.0.0.3, 10.0.0.2"}, nil, "203.0.113.1"},
		{"CIDRs", "127.0.0.0/8, 10.0.0.0/8", []string{"203.0.113.1, 10.0.0.2"}, nil, "203.0.113.1"},
		{"CIDRs, forged in front", "127.0.0.0/8, 10.0.0.0/8", []string{"198.51.100.1, 203.0.113.1, 10.0.0.2"}, nil, "203.0.113.1"},
		{"CIDRs, all hops trusted", "127.0.0.0/8, 10.0.0.0/8", []string{"10.0.0.9, 10.0.0.2"}, nil, ""},
		{"CIDRs, no header", "127.0.0.0/8", nil, nil, ""},
		{"CIDRs, garbage", "127.0.0.0/8", []string{"203.0.113.1, x"}, nil, ""},
		{"CIDRs, other header", "127.0.0.0/8", nil, map[string]string{"X-Real-IP": "203.0.113.1"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			trust, err := allowlist.ParseTrust(c.trust)
			if err != nil {
				t.Fatal(err)
			}
			got := netip.MustParseAddr("255.255.255.255")
			s := httptest.NewServer(trust.Middleware()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = allowlist.Client(r) })))
			defer s.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range c.xff {
				req.Header.Add("X-Forwarded-For", v)
			}
			for k, v := range c.others {
				req.Header.Set(k, v)
			}
			res, err := s.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			want := netip.Addr{}
			if c.want != "" {
				want = netip.MustParseAddr(c.want)
			}
			if got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::1", "::ffff:1.2.3.4/100", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := allowlist.Parse([]string{s})
		if (err == nil) == l.Empty() {
			t.Fatalf("%q: %v, empty %v", s, err, l.Empty())
		}
	})
}
