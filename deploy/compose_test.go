package deploy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/ml-connector/ml-connector/service"
)

// The compose file starts Redis with the settings that the service wants, and
// the service with settings that it takes, hardened as in the chart.
func TestCompose(t *testing.T) {
	var f struct {
		Services map[string]object
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose/docker-compose.yaml")), &f); err != nil {
		t.Fatal(err)
	}
	var command []string
	words, _ := f.Services["redis"].at("command").([]any)
	for _, w := range words {
		command = append(command, w.(string))
	}
	line := strings.Join(command, " ")
	for _, want := range []string{"--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--maxmemory ", "--no-appendfsync-on-rewrite no"} {
		if !strings.Contains(line, want) {
			t.Errorf("Redis is started by %q, want %s", line, want)
		}
	}
	if f.Services["redis"].at("ports") != nil {
		t.Error("Redis is reachable from outside")
	}
	s := f.Services["ml-connector"]
	var environ []string
	variable := regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)
	for k, v := range object(s.at("environment").(map[string]any)) {
		environ = append(environ, k+"="+variable.ReplaceAllString(v.(string), "$1"))
	}
	c, err := service.Load("", environ)
	if err != nil {
		t.Fatalf("the service refuses its environment: %v", err)
	}
	if s.at("read_only") != true || s.text("user") != "65532:65532" || !slices.Contains(s.at("cap_drop").([]any), any("ALL")) {
		t.Error("the container is not hardened")
	}
	for _, p := range s.at("ports").([]any) {
		if strings.HasSuffix(p.(string), ":9090") && !strings.HasPrefix(p.(string), "127.0.0.1:") {
			t.Errorf("the ops port is open to others: %s", p)
		}
	}
	if s.text("stop_grace_period") != "45s" || c.DrainSeconds+c.ShutdownGraceSeconds >= 45 {
		t.Errorf("killed after %s, but a stop may take %d s", s.text("stop_grace_period"), c.DrainSeconds+c.ShutdownGraceSeconds)
	}
}

// Dockerfile and release build with the same flags, so that the same source
// gives the same binary either way; no heredoc, which old builders refuse.
func TestDockerfile(t *testing.T) {
	docker, release := read(t, "../Dockerfile"), read(t, "release/main.go")
	for _, flag := range []string{"-trimpath", "-buildvcs=false", "-s -w -buildid="} {
		if !strings.Contains(docker, flag) || !strings.Contains(release, flag) {
			t.Errorf("%s is not in both Dockerfile and deploy/release", flag)
		}
	}
	if strings.Contains(docker, "<<") {
		t.Error("the Dockerfile has a heredoc")
	}
	for _, want := range []string{"FROM gcr.io/distroless/static:nonroot", "USER 65532:65532", `HEALTHCHECK --interval`, `CMD ["/ml-connector", "healthcheck"]`, `ENTRYPOINT ["/ml-connector"]`} {
		if !strings.Contains(docker, want) {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
}
