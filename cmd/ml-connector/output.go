package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// show prints rows as a table, or v as JSON.
func (a *app) show(cmd *cobra.Command, v any, head table.Row, rows []table.Row) error {
	w := cmd.OutOrStdout()
	if a.output == "json" {
		return writeJSON(w, v)
	}
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(head)
	t.AppendRows(rows)
	t.Render()
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// moment writes a time for people, in RFC 3339; "" for none.
func moment(t time.Time) string {
	if t.IsZero() || t.Year() > 9999 {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// confirm asks before something is changed; without a terminal --yes is
// needed.
func (a *app) confirm(cmd *cobra.Command, format string, args ...any) error {
	if a.yes {
		return nil
	}
	in, _ := cmd.InOrStdin().(*os.File)
	if !canAsk(cmd) {
		return usageError{fmt.Errorf("%s There is no terminal to ask on: say --yes", fmt.Sprintf(format, args...))}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), format+" [y/N] ", args...)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y") {
		return errors.New("nothing was changed")
	}
	return nil
}

// canAsk reports whether somebody sits at a terminal.
func canAsk(cmd *cobra.Command) bool {
	in, ok := cmd.InOrStdin().(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}
