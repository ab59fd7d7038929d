package deploy

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/ml-connector/ml-connector/service"
)

// object is a rendered Kubernetes object.
type object map[string]any

// at follows keys into an object; nil when one is missing.
func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, k := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

func (o object) text(path ...string) string {
	s, _ := o.at(path...).(string)
	return s
}

func (o object) name() string { return o.text("kind") + " " + o.text("metadata", "name") }

// rendered are the objects of each value set in helm/ml-connector/ci, as
// `make chart-golden` committed them; `make chart-check` renders them again,
// compares, and holds each against its schema.
func rendered(t *testing.T) map[string][]object {
	t.Helper()
	sets, err := filepath.Glob("helm/ml-connector/ci/*-values.yaml")
	if err != nil || len(sets) < 4 {
		t.Fatalf("%v %v, want four value sets", sets, err)
	}
	out := map[string][]object{}
	for _, s := range sets {
		set := strings.TrimSuffix(filepath.Base(s), "-values.yaml")
		dec := yaml.NewDecoder(strings.NewReader(read(t, "helm/testdata/"+set+".yaml")))
		for {
			var o object
			err := dec.Decode(&o)
			if err == io.EOF { //nolint:errorlint // the decoder's own sentinel
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", set, err)
			}
			if len(o) > 0 {
				out[set] = append(out[set], o)
			}
		}
		if len(out[set]) < 6 {
			t.Fatalf("%s: %d objects", set, len(out[set]))
		}
	}
	return out
}

// pod is the pod that an object runs, nil when it runs none.
func (o object) pod() object {
	switch o.text("kind") {
	case "Deployment", "Job":
		return object(o.at("spec", "template").(map[string]any))
	case "Pod":
		return o
	}
	return nil
}

// list is a list of objects within another.
func (o object) list(path ...string) []object {
	items, _ := o.at(path...).([]any)
	var out []object
	for _, i := range items {
		if m, ok := i.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// Every pod of every value set is hardened.
func TestPodsAreHardened(t *testing.T) {
	pods := 0
	for set, objects := range rendered(t) {
		for _, o := range objects {
			p := o.pod()
			if p == nil {
				continue
			}
			pods++
			want := func(what string, got, want any) {
				t.Helper()
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %s: %s is %v (%T), want %v", set, o.name(), what, got, got, want)
				}
			}
			want("automountServiceAccountToken", p.at("spec", "automountServiceAccountToken"), false)
			want("runAsNonRoot", p.at("spec", "securityContext", "runAsNonRoot"), true)
			want("runAsUser", p.at("spec", "securityContext", "runAsUser"), uint64(65532))
			want("runAsGroup", p.at("spec", "securityContext", "runAsGroup"), uint64(65532))
			want("seccompProfile", p.at("spec", "securityContext", "seccompProfile", "type"), "RuntimeDefault")
			for _, k := range []string{"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} {
				want(k, p.at("spec", k), nil)
			}
			for _, v := range p.list("spec", "volumes") {
				want("a host path", v.at("hostPath"), nil)
			}
			containers := append(p.list("spec", "containers"), p.list("spec", "initContainers")...)
			if len(containers) == 0 {
				t.Errorf("%s, %s: no containers", set, o.name())
			}
			for _, c := range containers {
				want("allowPrivilegeEscalation", c.at("securityContext", "allowPrivilegeEscalation"), false)
				want("readOnlyRootFilesystem", c.at("securityContext", "readOnlyRootFilesystem"), true)
				want("privileged", c.at("securityContext", "privileged"), false)
				want("capabilities", c.at("securityContext", "capabilities"), map[string]any{"drop": []any{"ALL"}})
				if c.at("resources", "limits", "memory") == nil {
					t.Errorf("%s, %s: no memory limit", set, o.name())
				}
				if img := c.text("image"); strings.HasSuffix(img, ":latest") || !strings.ContainsAny(img, ":@") {
					t.Errorf("%s, %s: image %q is not pinned", set, o.name(), img)
				}
				for _, e := range c.list("env") {
					if strings.Contains(e.text("name"), "URL") && e.at("value") != nil {
						t.Errorf("%s, %s: %s is written out, want it from a Secret", set, o.name(), e.text("name"))
					}
				}
			}
		}
	}
	if pods < 8 {
		t.Errorf("%d pods were looked at", pods)
	}
}

// A Deployment is probed, stops late enough, and replaces pods one by one.
func TestDeployments(t *testing.T) {
	for set, objects := range rendered(t) {
		roles := map[string]bool{}
		env := map[string]string{}
		for _, o := range objects {
			if o.text("kind") != "ConfigMap" {
				continue
			}
			for k, v := range object(o.at("data").(map[string]any)) {
				if s, ok := v.(string); ok && strings.HasPrefix(k, "MLC_") {
					env[k] = s
				}
			}
		}
		var environ []string
		for k, v := range env {
			environ = append(environ, k+"="+v)
		}
		conf, err := service.Load("", environ)
		if err != nil {
			t.Errorf("%s: the service refuses the ConfigMap: %v", set, err)
		}
		for _, o := range objects {
			if o.text("kind") != "Deployment" {
				continue
			}
			c := o.pod().list("spec", "containers")[0]
			for _, e := range c.list("env") {
				if e.text("name") == "MLC_ROLES" {
					roles[e.text("value")] = true
				}
			}
			if got := c.text("livenessProbe", "httpGet", "path") + " " + c.text("readinessProbe", "httpGet", "path"); got != "/livez /readyz" {
				t.Errorf("%s, %s: probes %s", set, o.name(), got)
			}
			if got := o.at("spec", "strategy", "rollingUpdate", "maxUnavailable"); got != uint64(0) {
				t.Errorf("%s, %s: maxUnavailable %v", set, o.name(), got)
			}
			sleep, _ := c.at("lifecycle", "preStop", "sleep", "seconds").(uint64)
			grace, _ := o.pod().at("spec", "terminationGracePeriodSeconds").(uint64)
			if least := int(sleep) + conf.DrainSeconds + conf.ShutdownGraceSeconds; int(grace) <= least {
				t.Errorf("%s, %s: killed after %d s, but a stop may take %d", set, o.name(), grace, least)
			}
			if n := len(o.pod().list("spec", "topologySpreadConstraints")); n == 0 {
				t.Errorf("%s, %s: pods may all land on one node", set, o.name())
			}
		}
		if !maps.Equal(roles, map[string]bool{"api": true, "worker": true}) {
			t.Errorf("%s: roles %v", set, roles)
		}
	}
}

// What leads in from outside leads to the webhooks alone.
func TestOnlyWebhooksAreReachable(t *testing.T) {
	routes := 0
	for set, objects := range rendered(t) {
		services := map[string]object{}
		for _, o := range objects {
			if o.text("kind") == "Service" {
				services[o.text("metadata", "name")] = o
			}
		}
		lead := func(o object, service, path string) {
			t.Helper()
			routes++
			ports := services[service].list("spec", "ports")
			if len(ports) != 1 || ports[0].text("targetPort") != "webhooks" {
				t.Errorf("%s, %s leads to %s with ports %v", set, o.name(), service, ports)
			}
			if path != "/webhooks/netsuite/" {
				t.Errorf("%s, %s takes %q", set, o.name(), path)
			}
		}
		for _, o := range objects {
			switch o.text("kind") {
			case "Ingress":
				for _, r := range o.list("spec", "rules") {
					for _, p := range r.list("http", "paths") {
						lead(o, p.text("backend", "service", "name"), p.text("path"))
					}
				}
			case "HTTPRoute":
				for _, r := range o.list("spec", "rules") {
					lead(o, r.list("backendRefs")[0].text("name"), r.list("matches")[0].text("path", "value"))
				}
			case "Service":
				for _, p := range o.list("spec", "ports") {
					if p.text("targetPort") == "ops" && o.text("spec", "type") != "ClusterIP" {
						t.Errorf("%s: %s brings the ops port out", set, o.name())
					}
				}
			}
		}
	}
	if routes < 2 {
		t.Errorf("%d routes were looked at", routes)
	}
}

// Pods reach names, Redis and public addresses by HTTPS, nothing else.
func TestEgress(t *testing.T) {
	seen := 0
	for set, objects := range rendered(t) {
		for _, o := range objects {
			if o.text("kind") != "NetworkPolicy" || !slices.Contains(o.at("spec", "policyTypes").([]any), "Egress") {
				continue
			}
			seen++
			for _, rule := range o.list("spec", "egress") {
				if len(rule.list("ports")) == 0 {
					t.Errorf("%s: a rule without ports lets everything out: %v", set, rule)
				}
				for _, to := range rule.list("to") {
					cidr := to.text("ipBlock", "cidr")
					if cidr == "" {
						continue
					}
					if p := rule.list("ports"); len(p) != 1 || p[0].at("port") != uint64(443) {
						t.Errorf("%s: %s by other ports than 443", set, cidr)
					}
					except, _ := to.at("ipBlock", "except").([]any)
					if cidr == "0.0.0.0/0" && !slices.Contains(except, any("169.254.0.0/16")) {
						t.Errorf("%s: the metadata services of clouds can be reached", set)
					}
				}
			}
		}
	}
	if seen < 3 {
		t.Errorf("%d policies were looked at", seen)
	}
}

// The value set with everything on has every kind of object that the chart can
// make.
func TestEveryKind(t *testing.T) {
	kinds := map[string]bool{}
	for _, objects := range rendered(t) {
		for _, o := range objects {
			kinds[o.text("kind")] = true
		}
	}
	want := []string{"ConfigMap", "Deployment", "HTTPRoute", "HorizontalPodAutoscaler", "Ingress", "Job", "NetworkPolicy", "Pod", "PodDisruptionBudget", "PrometheusRule",
		"ScaledObject", "Service", "ServiceAccount", "ServiceMonitor"}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(kinds)), want); diff != "" {
		t.Errorf("kinds that are tested (-) and that the chart makes (+):\n%s", diff)
	}
}

// The schema of the values knows every setting of the service, but those that
// the chart sets itself.
func TestSchemaKnowsEverySetting(t *testing.T) {
	var schema struct {
		Properties struct {
			Config struct {
				Properties map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "helm/ml-connector/values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	ours := map[string]bool{"roles": true, "public_addr": true, "ops_addr": true, "ops_tokens_file": true, "redis_url": true, "redis_sentinel_master": true, "keyset_file": true}
	var want []string
	c := service.Config{}
	for _, s := range c.Show() {
		if key := strings.ToLower(strings.TrimPrefix(s.Name, "MLC_")); !ours[key] {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(schema.Properties.Config.Properties)), want); diff != "" {
		t.Errorf("config in values.schema.json (-) and the settings (+) differ:\n%s", diff)
	}
}

// The boards that the chart carries are the generated ones, and the chart's
// files are all there.
func TestChartFiles(t *testing.T) {
	for _, b := range []string{"overview.json", "tenant.json", "runtime.json"} {
		if read(t, "helm/ml-connector/files/"+b) != read(t, "grafana/"+b) {
			t.Errorf("the chart's %s is another: go generate ./deploy/...", b)
		}
	}
	if _, err := os.Stat("helm/ml-connector/templates/NOTES.txt"); err != nil {
		t.Error(err)
	}
}
