// Package models holds the commands that list, download, choose, verify and remove models. It must not know what a tower computes.
package models

import (
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
)

// New returns the commands.
func New(p *cli.Program) *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List, download and choose models",
		Long: `List, download, choose, calibrate, verify and remove models. The index can hold the vectors of several models.

ENVIRONMENT
  IMGSEARCH_MODELS   the folder of downloaded models
  HF_ENDPOINT        the address of the hub
  HF_TOKEN           the token for repositories that require one (HF_TOKEN_PATH: a file with the token)
  HF_HUB_OFFLINE     1: never contact the hub
  HTTPS_PROXY        the proxy (also HTTP_PROXY, NO_PROXY)

EXIT STATUS
  0 done; 1 failed; 2 usage error, or an unknown model; 10 no index here yet (use, calibrate); 11 another process is
  downloading or indexing; 12 the model is missing or damaged; 13 the index has no vectors of this model (use --now,
  calibrate); 130 interrupted`,
		Args: cli.UnknownSubcommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newList(p), newPull(p), newUse(p), newVerify(p), newCalibrate(p), newRemove(p))
	return c
}
