package tenant_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ml-connector/ml-connector/internal/soak"
	"github.com/ml-connector/ml-connector/queue/redistest"
	"github.com/ml-connector/ml-connector/secret"
	"github.com/ml-connector/ml-connector/tenant"
)

// The time of a refusal says nothing about how much of the secret was right:
// Welch's t between wrong secrets that share nothing with the right one and
// wrong secrets that share all but the last character.
func TestRefusalTimeTellsNothing(t *testing.T) {
	ctx := t.Context()
	ks, err := secret.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	s := tenant.NewStore(redistest.Embedded(t), ks)
	tn, creds, err := tenant.ParseYAML([]byte(good(t)), tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(ctx, tn, creds); err != nil {
		t.Fatal(err)
	}
	door := tenant.NewDoor(s)
	from := addr("203.0.113.9")
	shown := [2]string{"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", hook[:len(hook)-1] + "z"}
	n := soak.N(20_000, 200_000)
	samples := [2][]float64{}
	for range n {
		k := rand.IntN(2) // in random order, so that the machine's moods strike both
		start := time.Now()
		v, err := door.Check(ctx, "acme", from, shown[k])
		took := time.Since(start)
		if err != nil || v.Admitted {
			t.Fatalf("got %+v, %v", v, err)
		}
		samples[k] = append(samples[k], float64(took.Nanoseconds()))
	}
	// The slow tail is interrupts and the re-reading of the tenant, not us.
	cut := quantile(slices.Concat(samples[0], samples[1]), 0.9)
	for k := range samples {
		samples[k] = slices.DeleteFunc(samples[k], func(x float64) bool { return x > cut })
	}
	m0, v0 := moments(samples[0])
	m1, v1 := moments(samples[1])
	welch := math.Abs(m0-m1) / math.Sqrt(v0/float64(len(samples[0]))+v1/float64(len(samples[1])))
	soak.Figure(t, "timing of the secret comparison", "%d samples, prefix 0 against %d characters: means %.1f and %.1f ns, Welch t %.2f (bar 4.5)", n, len(hook)-1, m0, m1, welch)
	if welch >= 4.5 {
		t.Errorf("Welch t is %.2f: the time of a refusal tells how much of the secret was right", welch)
	}
}

func quantile(x []float64, q float64) float64 {
	slices.Sort(x)
	return x[int(q*float64(len(x)-1))]
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(x)-1)
}
