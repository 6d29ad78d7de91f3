package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// rounds is the number of times that a whole program runs.
const rounds = 3

// small measures migrations both ways, and exact searches in both stores.
func (b *bench) small(ctx context.Context, n int) error {
	lite := app.Index{Path: b.file("lite.db")}
	ix, err := lite.OpenForChanges(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	if err := b.source.fill(ctx, ix, n); err != nil {
		return err
	}
	if err := ix.PrepareSearch(ctx, b.source.model.Identity); err != nil {
		return err
	}
	var there, back []time.Duration
	url := ""
	for i := range rounds {
		if url, err = b.database(ctx); err != nil {
			return err
		}
		took, err := migrate(ctx, lite.Path, url)
		if err != nil {
			return err
		}
		there = append(there, took)
		if took, err = migrate(ctx, url, b.file(fmt.Sprint(i, ".db"))); err != nil {
			return err
		}
		back = append(back, took)
	}
	fmt.Printf("migrate %d pictures, SQLite to PostgreSQL: %.1f s; back: %.1f s (medians of %d)\n", n, median(there).Seconds(), median(back).Seconds(), rounds)
	pg, err := app.Index{Path: url}.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer pg.Close()
	return b.compare(ctx, ix, pg, n)
}

func migrate(ctx context.Context, from, to string) (time.Duration, error) {
	c := exec.CommandContext(ctx, "bin/imgsearch", "migrate", "--quiet", from, to)
	c.Stderr = os.Stderr
	begin := time.Now()
	err := c.Run()
	return time.Since(begin), err
}

// compare compares the hits and the times of exact searches, with filters and without.
func (b *bench) compare(ctx context.Context, lite, pg store.Store, n int) error {
	filters := []store.Filter{{}, {}, taken(0.01), taken(0.2), {Cameras: []store.Words{{"acme", "7"}}}, {Names: []string{"*7.jpg"}}}
	var liteAll, pgAll, litePart, pgPart []time.Duration
	worst := 0.0
	for i, v := range b.queries {
		q := store.NearestQuery{Model: b.source.model.Identity, Vector: v, Filter: filters[i%len(filters)], Limit: 10, Exact: true}
		begin := time.Now()
		want, err := lite.Nearest(ctx, q)
		if err != nil {
			return err
		}
		liteTook := time.Since(begin)
		begin = time.Now()
		got, err := pg.Nearest(ctx, q)
		if err != nil {
			return err
		}
		pgTook := time.Since(begin)
		if q.Filter.IsAll() {
			liteAll, pgAll = append(liteAll, liteTook), append(pgAll, pgTook)
		} else {
			litePart, pgPart = append(litePart, liteTook), append(pgPart, pgTook)
		}
		if len(got.Hits) != len(want.Hits) || got.Searched != want.Searched {
			return fmt.Errorf("query %d (%s): %d hits of %d, want %d of %d", i, q.Filter.String(), len(got.Hits), got.Searched, len(want.Hits), want.Searched)
		}
		for k, h := range got.Hits {
			worst = max(worst, math.Abs(h.Score-want.Hits[k].Score))
			if h.Picture != want.Hits[k].Picture && math.Abs(h.Score-want.Hits[k].Score) > 1e-4 {
				return fmt.Errorf("query %d (%s): hit %d differs", i, q.Filter.String(), k)
			}
		}
	}
	fmt.Printf("exact, %d pictures, no filter: SQLite %.1f ms, PostgreSQL %.1f ms (%.1f times); filters: %.1f ms, %.1f ms; the same hits of %d queries, scores within %.1g\n",
		n, ms(median(liteAll)), ms(median(pgAll)), ms(median(pgAll))/ms(median(liteAll)), ms(median(litePart)), ms(median(pgPart)), len(b.queries), worst)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
