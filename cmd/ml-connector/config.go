package main

import (
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/service"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "The settings", &cobra.Command{Use: "show", Short: "Show the settings in force, secrets masked", Args: exactArgs(0), RunE: func(cmd *cobra.Command, _ []string) error {
		c, err := a.config()
		if err != nil {
			return err
		}
		var rows []table.Row
		for _, s := range c.Show() {
			rows = append(rows, table.Row{s.Name, s.Value, s.Origin, s.Help})
		}
		return a.show(cmd, c.Show(), table.Row{"Setting", "Value", "From", "Meaning"}, rows)
	}})
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Show version, commit and Go version", Args: exactArgs(0), RunE: func(cmd *cobra.Command, _ []string) error {
		v := service.Version()
		return a.show(cmd, v, table.Row{"Version", "Commit", "Go"}, []table.Row{{v.Version, v.Commit, v.Go}})
	}}
}
