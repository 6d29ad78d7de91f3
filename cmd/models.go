package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
	"github.com/pbnjay/memory"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
)

func newModelsCommand(app *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List, download and choose models",
		Long: `List, download, choose, verify and remove models. The vectors of different models live side by side in the index.

ENVIRONMENT
  IMGSEARCH_MODELS   the folder of downloaded models
  HF_ENDPOINT        the hub's address
  HF_TOKEN           the token for repositories that want one (HF_TOKEN_PATH: a file with it)
  HF_HUB_OFFLINE     1: never ask the hub
  HTTPS_PROXY        and its like: the proxy

EXIT STATUS
  0 done; 1 failed; 2 wrong usage, an unknown model; 10 no index here yet (use); 11 another process holds the store or
  the index; 12 the model is missing or damaged; 13 the index has no vectors of this model (use --now, rm); 130 interrupted`,
		Args: unknownSubcommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newModelsListCommand(app), newModelsPullCommand(app), newModelsUseCommand(app), newModelsVerifyCommand(app), newModelsRemoveCommand(app))
	return c
}

// unknownSubcommand refuses a word that is no subcommand.
func unknownSubcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError(fmt.Sprintf("`%s --help` lists them", c.CommandPath()), "unknown command %q of %s", args[0], commandName(c))
}

func newModelsListCommand(app *App) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "Show the models that there are, what is installed and what suits this machine",
		Long: `Show the models of the catalogue and your own installed ones.

RECALL is the published one for English on Crossmodal-3600 (mean of recall@1, @5 and @10, in per cent); DISK and
MEMORY are estimated from the number of parameters. Sources stand in --json.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return listModels(c.Context(), app, all) },
	}
	c.Flags().BoolVar(&all, "all", false, "also the models that are too large for this machine")
	return c
}

// modelsJSON is the machine format of models list (docs/json.md).
type modelsJSON struct {
	Schema    int               `json:"schema"`
	Store     string            `json:"store"`
	Memory    uint64            `json:"memory_bytes"`
	DiskFree  uint64            `json:"disk_free_bytes"`
	Models    []modelListed     `json:"models"`
	Sources   map[string]string `json:"sources"`
	catalogue models.Catalogue
}

// modelListed is one model; what is not known is absent.
type modelListed struct {
	Name          string            `json:"name"`
	Repository    string            `json:"repository,omitempty"`
	Dim           int               `json:"dim,omitempty"`
	ImageSize     int               `json:"image_size,omitempty"`
	Licence       string            `json:"licence,omitempty"`
	Languages     []string          `json:"languages,omitempty"`
	LanguageCount int               `json:"language_count,omitempty"`
	Recommended   string            `json:"recommended,omitempty"`
	Predecessor   bool              `json:"predecessor,omitempty"`
	Installed     bool              `json:"installed"`
	Damaged       string            `json:"damaged,omitempty"`
	Revision      string            `json:"revision,omitempty"`
	DiskBytes     int64             `json:"disk_bytes"`
	Estimated     bool              `json:"disk_estimated"`
	MemoryBytes   int64             `json:"memory_bytes,omitempty"`
	Fits          bool              `json:"fits"`
	FitsReason    string            `json:"fits_reason,omitempty"`
	Quality       []models.Quality  `json:"quality,omitempty"`
	Notes         []string          `json:"notes,omitempty"`
	Sources       map[string]string `json:"sources,omitempty"`
}

func listModels(_ context.Context, app *App, all bool) error {
	l, err := collectModels(app)
	if err != nil {
		return err
	}
	if app.json {
		return printJSON(app.streams.Out, l)
	}
	w := tabwriter.NewWriter(app.streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tDIM\tPIXELS\tDISK\tMEMORY\tRECALL\tLANGUAGES\tLICENCE")
	left := 0
	for _, m := range l.Models {
		if !m.Fits && !m.Installed && !all {
			left++
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.state(), number(m.Dim), number(m.ImageSize), sizeOrNone(m.DiskBytes),
			sizeOrNone(m.MemoryBytes), l.recall(m.Name), m.languages(), orNone(m.Licence))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if left > 0 {
		app.notef("%d models are too large for this machine (%s of memory, %s of disk free); --all shows them", left, humanize.IBytes(l.Memory), humanize.IBytes(l.DiskFree))
	}
	return nil
}

func collectModels(app *App) (modelsJSON, error) {
	store := app.models()
	l := modelsJSON{Schema: schemaVersion, Store: store.Dir, Memory: memory.TotalMemory(), Models: []modelListed{}}
	l.DiskFree, _ = freeBytes(existingParent(store.Dir)) // 0: unknown
	var err error
	if l.catalogue, err = models.ReadCatalogue(); err != nil {
		return l, err
	}
	l.Sources = l.catalogue.Sources
	installed, err := store.Installed()
	if err != nil {
		return l, err
	}
	byName := make(map[string]models.Manifest)
	for _, m := range installed {
		byName[m.Name] = m
	}
	l.Models = append(l.Models, modelListed{Name: models.StarterName, Installed: true, Fits: true, Recommended: "the built-in model", Licence: "Apache-2.0", Languages: []string{"en"}, Dim: 256, ImageSize: 260})
	for _, e := range l.catalogue.Models {
		m := modelListed{
			Name: e.Name, Repository: e.Repository, Dim: e.Dim, ImageSize: e.ImageSize, Licence: e.Licence, Languages: e.Languages, LanguageCount: e.LanguageCount,
			Recommended: e.Recommended, Predecessor: e.Predecessor, DiskBytes: e.DiskBytes(), Estimated: true, MemoryBytes: e.MemoryBytes(),
			Quality: e.Quality, Notes: e.Notes, Sources: e.Sources,
		}
		m.take(byName)
		m.Fits, m.FitsReason = l.fits(m)
		l.Models = append(l.Models, m)
	}
	for _, i := range installed {
		if _, ok := byName[i.Name]; ok { // not in the catalogue: one's own
			m := modelListed{Name: i.Name, Fits: true}
			m.take(byName)
			l.Models = append(l.Models, m)
		}
	}
	return l, nil
}

// take fills in what is known of an installed model.
func (m *modelListed) take(installed map[string]models.Manifest) {
	i, ok := installed[m.Name]
	if !ok {
		return
	}
	m.Installed, m.Revision, m.DiskBytes, m.Estimated = true, i.Revision, i.Bytes(), false
	if i.Damaged != nil {
		m.Damaged = i.Damaged.Error()
	}
	delete(installed, m.Name)
}

// fits tells whether this machine has the memory, of which others want a third, and the disk for a model.
func (l modelsJSON) fits(m modelListed) (fits bool, reason string) {
	switch {
	case l.Memory > 0 && uint64(m.MemoryBytes) > l.Memory/3*2:
		return false, "memory"
	case !m.Installed && l.DiskFree > 0 && uint64(m.DiskBytes) > l.DiskFree:
		return false, "disk"
	}
	return true, ""
}

func (l modelsJSON) recall(name string) string {
	e, _ := l.catalogue.Lookup(name)
	v, ok := e.Recall(models.EnglishRecall)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.1f", v)
}

func (m modelListed) state() string {
	var parts []string
	switch {
	case m.Name == models.StarterName:
		return "built in"
	case m.Damaged != "":
		parts = append(parts, "damaged")
	case m.Installed:
		parts = append(parts, "installed")
	case !m.Fits:
		parts = append(parts, "too large: "+m.FitsReason)
	}
	if m.Recommended != "" {
		parts = append(parts, "recommended ("+m.Recommended+")")
	}
	if m.Predecessor {
		parts = append(parts, "the service's before imgsearch")
	}
	return orNone(strings.Join(parts, ", "))
}

func (m modelListed) languages() string {
	if m.LanguageCount > 0 {
		return fmt.Sprintf("%d", m.LanguageCount)
	}
	return orNone(strings.Join(m.Languages, ","))
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func sizeOrNone(n int64) string {
	if n == 0 {
		return "-"
	}
	return humanize.IBytes(uint64(n))
}

// existingParent is the folder itself or the nearest above it that is there.
func existingParent(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) || dir == "" {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func newModelsVerifyCommand(app *App) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Compare the files of installed models with what was downloaded",
		Long: `Hash every file of these models, of all installed ones without a name, and compare it with the SHA-256 of when it came.

EXIT STATUS
  0 all as they were; 1 failed; 2 wrong usage, no such model; 12 a file is missing or damaged`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return verifyModels(app, args) },
	}
}

// verifyJSON is the machine format of models verify (docs/json.md).
type verifyJSON struct {
	Schema int             `json:"schema"`
	Models []verifiedModel `json:"models"`
}

type verifiedModel struct {
	Name     string           `json:"name"`
	OK       bool             `json:"ok"`
	Problems []models.Problem `json:"problems,omitempty"`
}

func verifyModels(app *App, names []string) error {
	store := app.models()
	if len(names) == 0 {
		if err := models.VerifyBuiltin(); err != nil {
			return err
		}
		installed, err := store.Installed()
		if err != nil {
			return err
		}
		for _, m := range installed {
			names = append(names, m.Name)
		}
	}
	out := verifyJSON{Schema: schemaVersion, Models: []verifiedModel{}}
	bad := false
	for _, name := range names {
		if name == models.StarterName {
			if err := models.VerifyBuiltin(); err != nil {
				return err
			}
			out.Models = append(out.Models, verifiedModel{Name: name, OK: true})
			continue
		}
		if err := models.CheckName(name); err != nil {
			return err
		}
		problems, err := store.Verify(name, func(file string, _ int64) { app.logf("%s: %s", name, file) })
		if errors.Is(err, fs.ErrNotExist) {
			return usageError("`imgsearch models list` shows what is installed", "model %q is not installed", name)
		}
		if errors.Is(err, models.ErrDamaged) {
			problems, err = []models.Problem{{File: models.ManifestFile, What: err.Error()}}, nil
		}
		if err != nil {
			return err
		}
		out.Models = append(out.Models, verifiedModel{name, len(problems) == 0, problems})
		bad = bad || len(problems) > 0
	}
	if err := printVerified(app, out); err != nil {
		return err
	}
	if bad {
		return quietExit(exitModel)
	}
	return nil
}

func printVerified(app *App, out verifyJSON) error {
	if app.json {
		return printJSON(app.streams.Out, out)
	}
	for _, m := range out.Models {
		if m.OK {
			if _, err := fmt.Fprintf(app.streams.Out, "%s: ok\n", m.Name); err != nil {
				return err
			}
		}
		for _, p := range m.Problems {
			if _, err := fmt.Fprintf(app.streams.Out, "%s: %s: %s\n", m.Name, p.File, p.What); err != nil {
				return err
			}
		}
		if !m.OK {
			fmt.Fprintf(app.streams.Err, "hint: %s\n", app.mendModel(m.Name))
		}
	}
	return nil
}

func newModelsUseCommand(app *App) *cobra.Command {
	var precision string
	var now bool
	c := &cobra.Command{
		Use:   "use NAME",
		Short: "Choose the model that index and search use when none is named",
		Long: `Choose the index's model. Where it has the vectors of all pictures it takes effect at once; else the next runs of
` + "`imgsearch index`" + ` make what is missing, and searches use the present model until it is complete.
Nothing is destroyed: the other model's vectors stay.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage, an unknown model; 10 no index here yet; 11 an indexer holds the index;
  12 the model is missing or damaged; 13 --now, and the index has no vectors of this model`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return useModel(c.Context(), app, askedModel{args[0], precision}, now)
		},
	}
	c.Flags().StringVar(&precision, "precision", "", "`fp32` or int8 (default: what the index has, else fp32)")
	c.Flags().BoolVar(&now, "now", false, "take effect at once, with the vectors that there are")
	return c
}

// useJSON is the machine format of models use (docs/json.md).
type useJSON struct {
	Schema    int    `json:"schema"`
	Model     string `json:"model"`
	Precision string `json:"precision"`
	Effective bool   `json:"effective"`
	Embedded  int    `json:"embedded"`
	Pictures  int    `json:"pictures"`
}

func useModel(ctx context.Context, app *App, asked askedModel, now bool) error {
	if err := asked.check(app); err != nil {
		return err
	}
	var out useJSON
	var title string
	if err := app.changeIndex(ctx, func(ix store.Store) (err error) {
		out, title, err = setModel(ctx, app, ix, asked, now)
		return err
	}); err != nil {
		return err
	}
	if app.json {
		return printJSON(app.streams.Out, out)
	}
	text := fmt.Sprintf("model %s answers from now on, with %d of %d pictures\n", title, out.Embedded, out.Pictures)
	if !out.Effective {
		text = fmt.Sprintf("model %s has %d of %d pictures: it answers when it has all; `imgsearch index` makes the rest\n", title, out.Embedded, out.Pictures)
	}
	_, err := fmt.Fprint(app.streams.Out, text)
	return err
}

func setModel(ctx context.Context, app *App, ix store.Store, asked askedModel, now bool) (out useJSON, title string, err error) {
	m, err := app.chooseModel(ctx, ix, asked, true)
	if err != nil {
		return out, title, err
	}
	if now {
		all, err := ix.Models(ctx)
		if err != nil {
			return out, title, err
		}
		if known, _ := all.ByIdentity(m.identity); known.Embedded == 0 {
			return out, title, &codedError{code: exitNoVectors, err: fmt.Errorf("the index has no vectors of model %s", modelTitle(m.stored())),
				hint: fmt.Sprintf("make them with `imgsearch index --model %s`", useArgs(m.stored()))}
		}
	}
	if err := app.loader(m, false).Prepare(); err != nil {
		return out, title, err // a model that cannot be had in that precision
	}
	stored, err := app.ensureModel(ctx, ix, m)
	if err != nil {
		return out, title, err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return out, title, err
	}
	effective, role := now || stored.Embedded == totals.Pictures, store.Wanted
	if effective {
		role = store.Default
	}
	if err := ix.SetRole(ctx, stored.Identity, role); err != nil {
		return out, title, err
	}
	return useJSON{schemaVersion, stored.Name, stored.Precision, effective, stored.Embedded, totals.Pictures}, modelTitle(stored), nil
}
