package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
)

type pullOptions struct {
	app      *App
	name     string
	from     string
	revision string
}

func newModelsPullCommand(app *App) *cobra.Command {
	o := pullOptions{app: app}
	c := &cobra.Command{
		Use:   "pull NAME",
		Short: "Download a model",
		Long: `Download a model of the catalogue, or of any repository of the hub in the OpenCLIP-ONNX layout (ORGANISATION/NAME),
verify it and try it. What was cut off continues; a file gets its name only when its digest is right.

With --from the files come from a folder or a plain address instead, and NAME is what to call the model.

EXIT STATUS
  0 done; 1 failed: the hub, the network or the disk; what came is kept, the next pull continues; 2 wrong usage, an
  unknown name; 11 another process is downloading; 12 what came is no model that works; 130 interrupted`,
		Example: `  imgsearch models pull ViT-B-32__laion2b-s34b-b79k
  imgsearch models pull --from ~/my-export my-model`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.from, "from", "", "take the files from a folder or below an address (`DIR|URL`)")
	c.Flags().StringVar(&o.revision, "revision", "", "the hub's branch, tag or `COMMIT` (default: main)")
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
	if o.app.json {
		return printJSON(o.app.streams.Out, pullJSON{schemaVersion, m.Name, o.app.models().Path(m.Name), m.Source, m.Revision, m.Bytes(), len(m.Files)})
	}
	at := ""
	if m.Revision != "" {
		at = " at " + m.Revision
	}
	_, err = fmt.Fprintf(o.app.streams.Out, "%s: %s from %s%s\nuse it with `imgsearch index --model %s DIR`; for an index that there is, `imgsearch models use %s`\n",
		m.Name, humanize.IBytes(uint64(m.Bytes())), m.Source, at, m.Name, m.Name)
	return err
}

func (o *pullOptions) pull(ctx context.Context) (models.Manifest, error) {
	name, source, err := o.source()
	if err != nil {
		return models.Manifest{}, err
	}
	store := o.app.models()
	if store.Dir == "" {
		return models.Manifest{}, usageError("set IMGSEARCH_MODELS to a folder", "no place for models: %w", errNoHome)
	}
	show := newTransfer(o.app, name)
	defer show.end()
	return hub.Pull(ctx, hub.Request{
		Name: name, Source: source, Store: store, Free: freeBytes, Total: show.setTotal, Got: show.add,
		Weights: func(dir string) ([]string, error) {
			m, err := models.Open(dir)
			if err != nil {
				return nil, err
			}
			return embed.WeightFiles(m)
		},
		Check: func(dir string, m *models.Manifest) error {
			show.end()
			return o.check(dir, m)
		},
	})
}

// checkOwn refuses to give another source's model a name of the catalogue.
func (o *pullOptions) checkOwn() error {
	catalogue, err := models.ReadCatalogue()
	if err != nil {
		return err
	}
	e, known := catalogue.Lookup(path.Base(o.name))
	if known && (o.from != "" || strings.Contains(o.name, "/") && o.name != e.Repository) {
		return usageError("with --from give it another name", "%q is the catalogue's name for %s", e.Name, e.Repository)
	}
	return nil
}

// recorded is the revision that an installed model came from: pulling it again mends it, and does not make another model
// of it, whose vectors the index has not.
func (o *pullOptions) recorded() string {
	m, err := o.app.models().Manifest(path.Base(o.name))
	if err != nil || m.Revision == "" {
		return ""
	}
	o.app.notef("revision %s, as installed; --revision main is the newest", m.Revision)
	return m.Revision
}

// mendModel says how a damaged model is had again.
func (a *App) mendModel(name string) string {
	m, err := a.models().Manifest(name)
	switch {
	case err != nil:
		return fmt.Sprintf("remove it with `imgsearch models rm %s`, then pull it again", name)
	case m.Revision == "":
		return fmt.Sprintf("`imgsearch models pull --from %q %s` mends it", m.Source, name)
	}
	if catalogue, err := models.ReadCatalogue(); err == nil {
		if e, ok := catalogue.Lookup(name); ok && e.Repository == m.Source {
			return fmt.Sprintf("`imgsearch models pull %s` mends it", name)
		}
	}
	return fmt.Sprintf("`imgsearch models pull %s` mends it", m.Source)
}

// source turns the arguments into a name and where the files come from.
func (o *pullOptions) source() (string, hub.Source, error) {
	client := hub.NewClient()
	client.Logf = o.app.notef // who waits should know for what
	if err := o.checkOwn(); err != nil {
		return "", nil, err
	}
	if o.from != "" {
		if o.revision != "" {
			return "", nil, usageError("it is the hub's", "--revision and --from")
		}
		if err := models.CheckName(o.name); err != nil {
			return "", nil, usageError("give a name of letters, digits, - and _", "%w", err)
		}
		if u, err := url.Parse(o.from); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			return o.name, &hub.Address{Client: client, URL: o.from}, nil
		}
		dir, err := filepath.Abs(o.from)
		if err != nil {
			return "", nil, err
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return "", nil, usageError("give a folder that is there, or an address that starts with https://", "--from %s", escapePath(o.from))
		}
		return o.name, hub.Folder{Dir: dir}, nil
	}
	if o.name == models.StarterName {
		return "", nil, usageError("it is always there", "the model starter is built in")
	}
	if o.revision == "" {
		o.revision = o.recorded()
	}
	if organisation, name, ok := strings.Cut(o.name, "/"); ok {
		if models.CheckName(organisation) != nil || models.CheckName(name) != nil || strings.ContainsAny(o.name, "?#%") {
			return "", nil, usageError("give ORGANISATION/NAME, or --from DIR for a folder", "%q is no repository of the hub", o.name)
		}
		return path.Base(o.name), &hub.Repository{Client: client, Name: o.name, Revision: o.revision}, nil
	}
	catalogue, err := models.ReadCatalogue()
	if err != nil {
		return "", nil, err
	}
	entry, ok := catalogue.Lookup(o.name)
	if !ok {
		return "", nil, usageError("`imgsearch models list --all` shows the names; ORGANISATION/NAME means any repository of the hub", "%w %q", models.ErrUnknown, o.name)
	}
	return entry.Name, &hub.Repository{Client: client, Name: entry.Repository, Revision: o.revision}, nil
}

// check tries a model that came. Without a runtime library only its files are examined.
func (o *pullOptions) check(dir string, manifest *models.Manifest) error {
	m, err := models.Open(dir)
	if err != nil {
		return err
	}
	m.Name = o.name
	spec, err := embed.ReadSpec(m)
	if err != nil {
		return err
	}
	o.app.logf("trying both towers")
	found, err := embed.Check(spec, embed.Options{Library: o.app.runtimeOptions(), Logf: o.app.logf})
	if errors.Is(err, ortlib.ErrNotFound) || errors.Is(err, ortlib.ErrNoPlace) || errors.Is(err, ortlib.ErrUnusable) {
		o.app.warnf("the model could not be tried: %v", err)
		return nil
	}
	manifest.DynamicBatch, manifest.Rewriting = found.DynamicBatch, found.Rewriting
	return err
}

// transfer shows bytes as they come: a bar on a terminal, a line now and then elsewhere with --verbose.
type transfer struct {
	app  *App
	mu   sync.Mutex
	bar  *progressbar.ProgressBar
	once sync.Once
}

func newTransfer(app *App, name string) *transfer {
	t := &transfer{app: app}
	if app.streams.ErrTTY && !app.quiet {
		t.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(app.streams.Err), progressbar.OptionSetDescription(name),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	}
	return t
}

func (t *transfer) setTotal(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.app.logf("%s in all", humanize.IBytes(uint64(max(bytes, 0))))
	if t.bar != nil && bytes > 0 {
		t.bar.ChangeMax64(bytes)
	}
}

func (t *transfer) add(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil {
		_ = t.bar.Add64(bytes) // an error of the terminal stops no download
	}
}

func (t *transfer) end() {
	t.once.Do(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.bar != nil {
			_ = t.bar.Clear()
		}
	})
}
