package service

import "testing"

// What a name may resolve to is judged after it was resolved.
func TestOnlyPublicAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8:443": true, "[2606:4700::1111]:443": true,
		"127.0.0.1:443": false, "[::1]:443": false, "[::ffff:127.0.0.1]:443": false, "10.1.2.3:443": false, "172.16.0.1:443": false, "192.168.1.1:443": false,
		"169.254.169.254:80": false, "[fe80::1]:443": false, "[fd00:ec2::254]:80": false, "100.100.100.200:80": false, "0.0.0.0:443": false, "[::]:443": false,
		"224.0.0.1:443": false, "255.255.255.255:443": false, "[::ffff:169.254.169.254]:80": false, "metadata.google.internal:80": false, "": false,
		"[64:ff9b::a9fe:a9fe]:80": false,
	} {
		if err := publicOnly(t.Context(), "tcp", addr, nil); (err == nil) != want {
			t.Errorf("%q: got %v, want allowed %v", addr, err, want)
		}
	}
}
