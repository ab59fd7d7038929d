// Command grafana writes the dashboards: plain structs of Grafana's JSON model
// (schema version 39), filled by boards.go.
//
//	go generate ./deploy/...
//
// The result goes beside this file and into the Helm chart, which ships it as
// ConfigMaps. A test holds both to what this program would write.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

//go:generate go run . . ../helm/ml-connector/files
//go:generate cp ../prometheus/rules.yaml ../helm/ml-connector/files/rules.yaml

// Grafana's JSON model, as far as the boards use it.
type (
	dashboard struct {
		UID           string     `json:"uid"`
		Title         string     `json:"title"`
		Description   string     `json:"description"`
		Tags          []string   `json:"tags"`
		SchemaVersion int        `json:"schemaVersion"`
		Editable      bool       `json:"editable"`
		Refresh       string     `json:"refresh"`
		Time          timeRange  `json:"time"`
		Templating    templating `json:"templating"`
		Links         []link     `json:"links"`
		Panels        []panel    `json:"panels"`
	}
	timeRange struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	variable struct {
		Name       string      `json:"name"`
		Label      string      `json:"label"`
		Type       string      `json:"type"`
		Query      string      `json:"query"`
		Datasource *datasource `json:"datasource,omitempty"`
		Refresh    int         `json:"refresh"`
		Sort       int         `json:"sort,omitempty"`
		IncludeAll bool        `json:"includeAll"`
		Multi      bool        `json:"multi"`
		AllValue   string      `json:"allValue,omitempty"`
	}
	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	link struct {
		Title       string   `json:"title"`
		Type        string   `json:"type"`
		URL         string   `json:"url,omitempty"`
		Tags        []string `json:"tags,omitempty"`
		KeepTime    bool     `json:"keepTime"`
		IncludeVars bool     `json:"includeVars"`
	}
	panel struct {
		ID          int         `json:"id"`
		Type        string      `json:"type"`
		Title       string      `json:"title"`
		Description string      `json:"description,omitempty"`
		GridPos     gridPos     `json:"gridPos"`
		Datasource  *datasource `json:"datasource,omitempty"`
		FieldConfig *fields     `json:"fieldConfig,omitempty"`
		Targets     []target    `json:"targets,omitempty"`
		Options     any         `json:"options,omitempty"`
	}
	gridPos struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	fields struct {
		Defaults  fieldDefaults `json:"defaults"`
		Overrides []any         `json:"overrides"`
	}
	fieldDefaults struct {
		Unit       string         `json:"unit"`
		Min        *float64       `json:"min,omitempty"`
		Thresholds *thresholds    `json:"thresholds,omitempty"`
		Custom     map[string]any `json:"custom,omitempty"`
	}
	thresholds struct {
		Mode  string `json:"mode"`
		Steps []step `json:"steps"`
	}
	step struct {
		Color string   `json:"color"`
		Value *float64 `json:"value"`
	}
	target struct {
		RefID        string      `json:"refId"`
		Expr         string      `json:"expr"`
		LegendFormat string      `json:"legendFormat"`
		Datasource   *datasource `json:"datasource"`
		Instant      bool        `json:"instant,omitempty"`
	}
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: grafana DIRECTORY... | --queries | --draw PROMETHEUS-URL DIRECTORY MINUTES")
		os.Exit(2)
	}
	if os.Args[1] == "--queries" {
		fmt.Print(queries())
		return
	}
	var err error
	if os.Args[1] == "--draw" && len(os.Args) == 5 {
		minutes, wrong := strconv.Atoi(os.Args[4])
		if wrong != nil || minutes < 1 {
			fmt.Fprintf(os.Stderr, "Error: %q minutes: want a whole number from 1\n", os.Args[4])
			os.Exit(2)
		}
		err = draw(context.Background(), os.Args[2], os.Args[3], minutes)
	} else {
		err = write(os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// write puts every board into every directory.
func write(dirs []string) error {
	for name, d := range boards() {
		b, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return fmt.Errorf("encode board %s: %w", name, err)
		}
		for _, dir := range dirs {
			if err := os.WriteFile(filepath.Join(dir, name+".json"), append(b, '\n'), 0o644); err != nil { //nolint:gosec // it is to be read by everybody
				return fmt.Errorf("write board %s: %w", name, err)
			}
		}
	}
	return nil
}
