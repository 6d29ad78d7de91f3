// Package migrate is the command that copies an index into another one. It must not know how indexes are stored.
package migrate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/migrate"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "migrate SRC DST",
		Short: "Copy an index into another one, in a file or a database",
		Long: `Copy the index SRC into the index DST, with its vectors, texts and previews; nothing is embedded again. Each is the path of a file or the
URL of a PostgreSQL database (docs/postgres.md). DST is created if it does not exist. An index that exists keeps what it has, and gets what it
lacks; if it has another root with the path of one in SRC, the copied root gets another name, and ` + "`imgsearch roots move`" + ` tells where it is.

You can stop the command at any time; the next one copies what is left. At the end, both indexes are compared: the numbers of files, pictures,
vectors, texts and previews, and a checksum over their content. Pictures without a file, the history of runs and remembered queries are not copied.

EXIT STATUS
  0 done; 1 failed; 2 usage error; 6 DST lacks a part of SRC; 10 SRC does not exist; 11 another process is indexing into SRC or DST; 130 interrupted`,
		Example: `  imgsearch migrate ~/.local/share/imgsearch/index.db postgres://imgsearch@nas/photos
  imgsearch migrate postgres://imgsearch@nas/photos copy.db`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), p, args[0], args[1]) },
	}
}

// resultJSON is the result in the machine format (docs/json.md).
type resultJSON struct {
	Schema      int        `json:"schema"`
	From        string     `json:"from"`
	To          string     `json:"to"`
	Copied      countsJSON `json:"copied"`
	Source      sideJSON   `json:"source"`
	Destination sideJSON   `json:"destination"`
	Kept        int        `json:"kept"`
	ElapsedMS   int64      `json:"elapsed_ms"`
}

type countsJSON struct {
	Files    int `json:"files"`
	Pictures int `json:"pictures"`
	Vectors  int `json:"vectors"`
	Texts    int `json:"texts"`
	Previews int `json:"previews"`
}

type sideJSON struct {
	countsJSON

	SHA256 string `json:"sha256"`
}

func counts(c migrate.Counts) countsJSON {
	return countsJSON{c.Files, c.Pictures, c.Vectors, c.Texts, c.Previews}
}

func side(s migrate.Side) sideJSON { return sideJSON{counts(s.Counts), hex.EncodeToString(s.Sum[:])} }

// index returns an index by its path or URL.
func index(p *cli.Program, name string) (app.Index, error) {
	at, err := p.App.Index() // for its notices
	if err != nil {
		return at, err
	}
	if at.Path = name; !at.InDatabase() {
		at.Path, err = filepath.Abs(name)
	}
	return at, err
}

func run(ctx context.Context, p *cli.Program, src, dst string) error {
	from, err := index(p, src)
	if err != nil {
		return err
	}
	to, err := index(p, dst)
	if err != nil {
		return err
	}
	if from.Location() == to.Location() {
		return cli.Usage("choose another index for DST", "SRC and DST are the same index")
	}
	source, err := from.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	if locked, err := from.IsLocked(); err == nil && locked { // what changes meanwhile would be missing
		return fmt.Errorf("open index %q: %w", from.Location(), store.ErrBusy)
	}
	destination, lock, err := to.OpenLocked(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	defer destination.Close()
	begin := time.Now()
	bar := newBar(p)
	out, err := migrate.Run(ctx, migrate.Request{From: source, To: destination, Progress: bar.show, Noticed: func(notice any) {
		bar.clear()
		p.Notify(notice)
	}})
	bar.clear()
	if errors.Is(err, migrate.ErrIncomplete) {
		return &cli.Error{Code: words.Missing, Err: err, Hint: "run the command again; if that does not help, check both with `imgsearch doctor`"}
	}
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, resultJSON{wire.Schema, from.Location(), to.Location(), counts(out.Copied), side(out.From), side(out.To), out.Kept, time.Since(begin).Milliseconds()})
	}
	return report(p, out, time.Since(begin))
}

func report(p *cli.Program, out migrate.Result, elapsed time.Duration) error {
	p.Notef("copied %s in %s", strings.Join(parts(out.Copied), ", "), english.Duration(elapsed))
	if out.Kept > 0 {
		p.Notef("kept what the destination had of %s, which differs from the source", english.Count(out.Kept, "picture"))
	}
	for _, line := range []struct {
		name string
		side migrate.Side
	}{{"source", out.From}, {"destination", out.To}} {
		if _, err := fmt.Fprintf(p.Out, "%-12s %s  %s\n", line.name, strings.Join(parts(line.side.Counts), ", "), hex.EncodeToString(line.side.Sum[:])); err != nil {
			return err
		}
	}
	return nil
}

func parts(c migrate.Counts) []string {
	return []string{
		english.Count(c.Files, "file"), english.Count(c.Pictures, "picture"), english.Count(c.Vectors, "vector"), english.Count(c.Texts, "text"), english.Count(c.Previews, "preview"),
	}
}

// bar shows how many pictures are done, on a terminal.
type bar struct{ bar *progressbar.ProgressBar }

func newBar(p *cli.Program) *bar {
	if !p.ErrTTY || p.Quiet || p.LogsLines() {
		return &bar{}
	}
	return &bar{progressbar.NewOptions(-1, progressbar.OptionSetWriter(p.Err), progressbar.OptionSetDescription("copying"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth(), progressbar.OptionShowCount())}
}

func (b *bar) show(done, all int) {
	if b.bar == nil {
		return
	}
	b.bar.ChangeMax(all)
	_ = b.bar.Set(done) // a terminal error must not stop the copy
	if done == all {
		b.bar.Describe("comparing")
		b.bar.Reset()
	}
}

func (b *bar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}
