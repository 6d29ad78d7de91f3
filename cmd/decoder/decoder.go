// Package decoder is the hidden command that child processes run, to decode pictures with the system's libraries, which may crash. It must
// not know what the pictures are for.
package decoder

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/decode/native"
)

// New returns the hidden command that child processes run (package native). It may end in any way.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:    native.Command,
		Short:  "Decode pictures with the system's libraries (imgsearch runs this itself, in a child process)",
		Hidden: true,
		Args:   cli.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			// These signals reach all processes of a terminal or a service. The parent finishes its files first; then this process's input ends.
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			if err := native.Serve(p.In, p.Out, decode.Libraries(), func() { os.Exit(cli.ExitFailed) }); err != nil {
				return cli.Usage("imgsearch runs this command itself", "decode pictures: %w", err)
			}
			return nil
		},
	}
}
