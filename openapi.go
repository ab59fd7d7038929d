// Package mlconnector holds what belongs to the project as a whole: the
// description of its HTTP surface. The program is in cmd/ml-connector.
package mlconnector

import _ "embed"

// OpenAPI is openapi.yaml, as the ops listener serves it.
//
//go:embed openapi.yaml
var OpenAPI []byte

// ParkedReasons is docs/parked.md, as the console shows it.
//
//go:embed docs/parked.md
var ParkedReasons string
