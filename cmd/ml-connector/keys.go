package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ml-connector/ml-connector/secret"
)

func (a *app) keysCommand() *cobra.Command {
	var file string
	name := func() (string, error) {
		c, err := a.config()
		if err != nil {
			return "", err
		}
		if file == "" {
			file = c.KeysetFile
		}
		if file == "" {
			return "", usageError{fmt.Errorf("no file: say --file keyset.json or set MLC_KEYSET_FILE")}
		}
		return file, nil
	}
	initialise := &cobra.Command{
		Use: "init", Short: "Make a new keyset file", Args: exactArgs(0),
		Long: "Makes the keyset that seals stored credentials. Keep a copy where the database's backups are not: without it they cannot be opened.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := name()
			if err != nil {
				return err
			}
			k, err := secret.Init(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "keyset %s made, key %d; keep a copy of it in a safe place\n", path, k.Keys()[0].ID)
			return nil
		},
	}
	ls := &cobra.Command{
		Use: "ls", Short: "List the ids of the keys", Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := name()
			if err != nil {
				return err
			}
			k, err := secret.Load(path)
			if err != nil {
				return err
			}
			var rows []table.Row
			for _, i := range k.Keys() {
				rows = append(rows, table.Row{i.ID, i.Primary, i.Status})
			}
			return a.show(cmd, k.Keys(), table.Row{"Key", "Seals", "Status"}, rows)
		},
	}
	for _, c := range []*cobra.Command{initialise, ls} {
		c.Flags().StringVar(&file, "file", "", "keyset file, default MLC_KEYSET_FILE")
	}
	return group("keys", "The keyset that seals credentials", initialise, ls)
}
