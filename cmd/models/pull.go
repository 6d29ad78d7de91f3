package models

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
)

type pullOptions struct {
	p        *cli.Program
	name     string
	from     string
	revision string
}

func newPull(p *cli.Program) *cobra.Command {
	o := pullOptions{p: p}
	c := &cobra.Command{
		Use:   "pull NAME",
		Short: "Download a model",
		Long: `Download a model or a text model from the catalogue, or from any repository of the Hugging Face Hub in the OpenCLIP-ONNX layout
(ORGANISATION/NAME), then verify and test it. Interrupted downloads resume; a file gets its final name only
when its digest is correct.

With --from, the files come from a folder or a URL instead, and NAME is the name to give the model.

EXIT STATUS
  0 done; 1 failed because of the hub, the network or the disk (the next pull resumes); 2 usage error, or an
  unknown name; 11 another process is downloading; 12 the download is not a usable model; 130 interrupted`,
		Example: `  imgsearch models pull ViT-B-32__laion2b-s34b-b79k
  imgsearch models pull --from ~/my-export my-model`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.from, "from", "", "get the files from `DIR|URL` instead of the Hugging Face Hub")
	c.Flags().StringVar(&o.revision, "revision", "", "download a branch, tag or `COMMIT` of the repository (default: main, or the installed revision)")
	return c
}

// pullJSON is the machine format of models pull (docs/json.md).
type pullJSON struct {
	Schema   int    `json:"schema"`
	Name     string `json:"name"`
	Path     string `json:"path"`
	Source   string `json:"source"`
	Revision string `json:"revision"`
	Bytes    int64  `json:"bytes"`
	Files    int    `json:"files"`
}

func (o *pullOptions) run(ctx context.Context) error {
	m, err := o.pull(ctx)
	if err != nil {
		return err
	}
	if o.p.JSON {
		return cli.PrintJSON(o.p.Out, pullJSON{wire.Schema, m.Name, o.p.App.Models().Path(m.Name), m.Source, m.Revision, m.Bytes(), len(m.Files)})
	}
	at, name := "", words.Path(m.Name)
	if m.Revision != "" {
		at = " at " + words.Path(m.Revision)
	}
	if models.IsText(m.Name) {
		_, err = fmt.Fprintf(o.p.Out, "%s: %s from %s\nread the text in your photos with it: `imgsearch models use %s`\n", name, humanize.IBytes(uint64(m.Bytes())), words.Path(m.Source), name)
		return err
	}
	_, err = fmt.Fprintf(o.p.Out, "%s: %s from %s%s\nuse it with `imgsearch index --model %s DIR`, or for an existing index with `imgsearch models use %s`\n",
		name, humanize.IBytes(uint64(m.Bytes())), words.Path(m.Source), at, name, name)
	return err
}

func (o *pullOptions) pull(ctx context.Context) (models.Manifest, error) {
	name, source, err := o.source()
	if err != nil {
		return models.Manifest{}, err
	}
	transfer := cli.NewTransfer(o.p, name)
	defer transfer.End()
	return o.p.App.Pull(ctx, name, source, transfer.Download())
}

// source returns the model's name and the source of its files.
func (o *pullOptions) source() (string, hub.Source, error) {
	if o.from == "" {
		name, source, err := o.p.App.HubSource(o.name, o.revision)
		if errors.Is(err, models.ErrUnknown) {
			err = cli.Usage("list the names with `imgsearch models list --all`, or use ORGANISATION/NAME for any repository of the Hugging Face Hub", "%w", err)
		}
		return name, source, err
	}
	if err := app.CheckSourceName(o.name, ""); err != nil {
		return "", nil, err
	}
	if o.revision != "" {
		return "", nil, cli.Usage("--revision applies only to downloads from the Hugging Face Hub", "--revision and --from cannot be combined")
	}
	if err := models.CheckName(o.name); err != nil {
		return "", nil, cli.Usage("use a name of letters, digits, - and _", "%w", err)
	}
	if u, err := url.Parse(o.from); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return o.name, &hub.Address{Client: o.p.App.HubClient(), URL: o.from}, nil
	}
	dir, err := filepath.Abs(o.from)
	if err != nil {
		return "", nil, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", nil, cli.Usage("use an existing folder, or a URL that starts with https://", "--from: no such folder: %s", words.Path(o.from))
	}
	return o.name, hub.Folder{Dir: dir}, nil
}
