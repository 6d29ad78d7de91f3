// Command scale measures an index in PostgreSQL: searches, exact searches against SQLite, and migrations.
//
//	go run ./scripts/bench/scale INDEX CAPTIONS [N]
//
// INDEX is an index of real photos in a file, and CAPTIONS a file with a text in each line. N synthetic pictures (1,000,000) get vectors between those of
// two photos in INDEX; the texts are the queries. The server comes from internal/testkit/pgserver. bin/imgsearch must have been built. It takes
// twenty minutes for a million pictures, half of it to build the approximate indexes. IMGSEARCH_TEST_BUFFERS is the server's memory for tables (4GB).
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// bench is what the measurements share.
type bench struct {
	server  *pgserver.Server
	dir     string
	source  source
	queries [][]float32
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: scale INDEX CAPTIONS [N]")
	}
	n := 1_000_000
	if len(args) > 2 {
		var err error
		if n, err = strconv.Atoi(args[2]); err != nil {
			return err
		}
	}
	if os.Getenv("IMGSEARCH_TEST_BUFFERS") == "" {
		if err := os.Setenv("IMGSEARCH_TEST_BUFFERS", "4GB"); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "imgsearch-scale-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir}
	if err := b.learn(ctx, args[0], args[1]); err != nil {
		return err
	}
	if b.server, err = pgserver.Run(ctx); err != nil {
		return err
	}
	defer b.server.Stop()
	for _, measure := range []func(context.Context) error{
		func(ctx context.Context) error { return b.small(ctx, min(n, 100_000)) },
		func(ctx context.Context) error { return b.large(ctx, n) },
	} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// learn reads the vectors of the photos and embeds the captions.
func (b *bench) learn(ctx context.Context, index, captions string) error {
	a := &app.App{IndexFile: index, Notify: func(any) {}, Logf: func(string, ...any) {}}
	ix, err := a.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	models, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	b.source.model, _ = models.Of(store.Default)
	if err := ix.EachVector(ctx, b.source.model.Identity, store.Filter{}, func(v store.Vector) error {
		b.source.real = append(b.source.real, slices.Clone(v.Data))
		return nil
	}); err != nil {
		return err
	}
	f, err := os.Open(captions)
	if err != nil {
		return err
	}
	defer f.Close()
	var texts []string
	for lines := bufio.NewScanner(f); lines.Scan() && len(texts) < 200; {
		if text := strings.TrimSpace(lines.Text()); text != "" {
			texts = append(texts, text)
		}
	}
	return b.embed(ctx, ix, index, texts)
}

// embed embeds texts with the program, which remembers their vectors in the index.
func (b *bench) embed(ctx context.Context, ix store.Store, index string, texts []string) error {
	for _, text := range texts {
		known, err := ix.Queries(ctx, b.source.model.Identity, []string{text})
		if err != nil {
			return err
		}
		if len(known) == 0 {
			if out, err := exec.CommandContext(ctx, "bin/imgsearch", "--index", index, "search", "--top", "1", "--", text).CombinedOutput(); err != nil {
				return fmt.Errorf("embed %q: %w: %s", text, err, out)
			}
			if known, err = ix.Queries(ctx, b.source.model.Identity, []string{text}); err != nil {
				return err
			}
		}
		if v, ok := known[text]; ok {
			b.queries = append(b.queries, v)
		}
	}
	if len(b.queries) == 0 {
		return errors.New("no text could be embedded")
	}
	return nil
}

func (b *bench) database(ctx context.Context) (string, error) { return b.server.CreateDatabase(ctx) }

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
