// Package label is the command that gives photos the labels of a list of words. It must not know how pictures are compared.
package label

import (
	"context"
	_ "embed" // the built-in list
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

//go:embed subjects.txt
var subjects string

type options struct {
	p        *cli.Program
	file     string
	off      bool
	model    app.ModelChoice
	language cli.LanguageFlag
	provider cli.ProviderFlags
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "label [FILE]",
		Short: "Label photos with the words of a list",
		Long: fmt.Sprintf(`Compare every photo with every word of a list, and give it those that it shows as labels. %s beach finds
the photos with a label, "facets label" counts them, and show lists those of a photo.

FILE has one word or phrase per line; empty lines and lines that begin with # do not count. Without FILE, the list is %d everyday
subjects. A new list replaces the earlier one. No photo is read: the vectors in the index are compared, and a photo gets a label from
the score at which most hits were right when the model was calibrated (see %s).

The next runs of index label new photos with the same list. --off removes all labels.

EXIT STATUS
  0   done
  1   failed
  2   usage error, FILE cannot be read or lists no words or too many, or the model is not calibrated
  10  no index here yet: run %s
  11  another process is indexing
  12  the model or the runtime library is missing or damaged
  13  the index has no vectors of this model
  130 interrupted`, "search --label", len(builtin()), "`imgsearch models calibrate`", "`imgsearch index DIR`"),
		Example: `  imgsearch label
  imgsearch label my-words.txt
  imgsearch search --label beach --label dog`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.file = args[0]
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.BoolVar(&o.off, "off", false, "remove all labels")
	cli.ModelFlags(f, &o.model)
	o.language.Add(f)
	o.provider.Add(f)
	return c
}

// The bounds of a list.
const (
	maxLabels = 5000
	maxLength = 200 // of a label, in characters
	maxFile   = 1 << 20
)

// builtin returns the built-in list.
func builtin() []string {
	names, err := parse(subjects)
	if err != nil {
		panic(err) // TestSubjects
	}
	return names
}

var (
	errNoLabels   = errors.New("the list has no words")
	errManyLabels = fmt.Errorf("the list has more than %d words", maxLabels)
	errNotText    = errors.New("the list is not text in UTF-8")
	errLongLabel  = fmt.Errorf("a line is longer than %d characters", maxLength)
)

// parse reads a list, and returns each word once.
func parse(text string) (names []string, err error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, errNotText
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(text) {
		name := strings.Join(strings.Fields(line), " ")
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if utf8.RuneCountInString(name) > maxLength {
			return nil, errLongLabel
		}
		if folded := store.Fold(name); !seen[folded] {
			seen[folded] = true
			names = append(names, name)
		}
		if len(names) > maxLabels {
			return nil, errManyLabels
		}
	}
	if len(names) == 0 {
		return nil, errNoLabels
	}
	return names, nil
}

// list returns the words to compare with.
func (o *options) list() ([]string, error) {
	if o.file == "" {
		return builtin(), nil
	}
	const hint = "a text file with one word or phrase per line"
	data, err := regular.Read(o.file, regular.FollowLinks, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !strings.ContainsAny(o.file, "./\\") {
			return nil, cli.Usage("FILE is "+hint+"; to find photos of one thing, run `imgsearch search "+o.file+"`", "%s: no such file", words.Path(o.file))
		}
		return nil, cli.Usage("use "+hint, "%s: no such file", words.Path(o.file))
	case err != nil:
		return nil, cli.Usage("use "+hint, "%s: %v", words.Path(o.file), fserr.Cause(err))
	}
	names, err := parse(string(data))
	if err != nil {
		return nil, cli.Usage("use "+hint, "%s: %w", words.Path(o.file), err)
	}
	return names, nil
}

func (o *options) run(ctx context.Context) error {
	if o.off {
		if o.file != "" {
			return cli.Usage("omit one of them", "--off and a list cannot be combined")
		}
		if err := o.p.App.Change(ctx, func(ix store.Store) error { return ix.Label(ctx, store.LabelRequest{}) }); err != nil {
			return err
		}
		return o.print(store.LabelState{}, 0)
	}
	names, err := o.list()
	if err != nil {
		return err
	}
	on, err := o.provider.Choose()
	if err != nil {
		return err
	}
	language, err := o.language.Choose()
	if err != nil {
		return err
	}
	if err := o.p.CheckModel(o.model); err != nil {
		return err
	}
	return o.p.App.Change(ctx, func(ix store.Store) error { return o.label(ctx, ix, names, language, on) })
}

func (o *options) label(ctx context.Context, ix store.Store, names []string, language string, on provider.Name) error {
	m, err := o.p.App.ChooseModel(ctx, ix, o.model, false)
	if err != nil {
		return err
	}
	stored, err := o.p.App.VectorsOf(ctx, ix, m, o.model)
	if err != nil {
		return err
	}
	calibration := app.CalibrationInUse(stored)
	if calibration == nil {
		return query.ErrNoVerdict
	}
	known, err := o.known(ctx, ix, stored, language)
	if err != nil {
		return err
	}
	vectors, err := app.LabelVectors(ctx, o.p.App.Loader(m, app.Loading{Provider: on}), language, names, known)
	if err != nil {
		return err
	}
	if err := ix.Label(ctx, store.LabelRequest{Model: stored.Identity, Language: language, Labels: vectors, Least: calibration.LabelThreshold()}); err != nil {
		return err
	}
	state, err := ix.LabelState(ctx)
	if err != nil {
		return err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return err
	}
	return o.print(state, totals.Pictures)
}

// known returns the labels of the index whose vectors can be used again: those of the same model and language.
func (o *options) known(ctx context.Context, ix store.Store, m store.Model, language string) ([]store.LabelVector, error) {
	state, err := ix.LabelState(ctx)
	if err != nil || state.Model != m.Identity || state.Language != language {
		return nil, err
	}
	return ix.LabelVectors(ctx)
}

// labelsJSON is the machine format (docs/json.md).
type labelsJSON struct {
	Schema int `json:"schema"`
	// Labels is the number of labels, Threshold the cosine from which a picture got one.
	Labels    int     `json:"labels"`
	Threshold float64 `json:"threshold"`
	// Compared is the number of pictures that were compared, of all in the index; Labelled the number of those with a label.
	Compared int `json:"compared"`
	Labelled int `json:"labelled"`
	Pictures int `json:"pictures"`
}

func (o *options) print(s store.LabelState, pictures int) error {
	if o.p.JSON {
		return cli.PrintJSON(o.p.Out, labelsJSON{wire.Schema, s.Labels, wire.Round(s.Least, 4), s.Compared, s.Labelled, pictures})
	}
	if s.Labels == 0 {
		_, err := fmt.Fprintln(o.p.Out, "all labels are removed")
		return err
	}
	line := fmt.Sprintf("%d of %d pictures have one or more of %d labels (score of at least %.2f)", s.Labelled, s.Compared, s.Labels, s.Least)
	if s.Compared < pictures {
		line += fmt.Sprintf("; %d have no vector yet: run `imgsearch index`", pictures-s.Compared)
	}
	_, err := fmt.Fprintln(o.p.Out, line)
	return err
}
