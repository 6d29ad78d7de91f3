// Package version is the command that prints the version. It must not know how the version is set.
package version

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/places"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Print the version, the commit that it was built from, and the platform, like --version,
and the attributions of the data in the program.

EXIT STATUS
  0 done; 1 failed; 2 usage error`,
		Args: cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if p.JSON {
				return cli.PrintJSON(p.Out, struct {
					Schema  int    `json:"schema"`
					Version string `json:"version"`
					Text    string `json:"text"`
					OS      string `json:"os"`
					Arch    string `json:"arch"`
					// Attributions are what the licences of data in the program ask for.
					Attributions []string `json:"attributions"`
				}{wire.Schema, cli.Version(), cli.VersionText(), runtime.GOOS, runtime.GOARCH, []string{places.Attribution}})
			}
			_, err := fmt.Fprintf(p.Out, "imgsearch %s\n%s\n", cli.VersionText(), places.Attribution)
			return err
		},
	}
}
