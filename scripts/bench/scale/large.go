package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// large measures the server's processor time for searches of many pictures, and their recall.
func (b *bench) large(ctx context.Context, n int) error {
	url, err := b.database(ctx)
	if err != nil {
		return err
	}
	ix, err := app.Index{Path: url}.OpenForChanges(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	begin := time.Now()
	if err := b.source.fill(ctx, ix, n); err != nil {
		return err
	}
	loaded := time.Since(begin)
	begin = time.Now()
	if err := ix.PrepareSearch(ctx, b.source.model.Identity); err != nil {
		return err
	}
	size := int64(0)
	if sized, ok := ix.(store.Sized); ok {
		size = sized.Bytes()
	}
	fmt.Printf("%d pictures: written in %.0f s, approximate indexes in %.0f s, %d MB\n", n, loaded.Seconds(), time.Since(begin).Seconds(), size>>20)
	for _, f := range []struct {
		name   string
		filter store.Filter
	}{{"no filter", store.Filter{}}, {"10 %", taken(0.1)}, {"1 %", taken(0.01)}, {"0.1 %", taken(0.001)}} {
		if err := b.search(ctx, ix, f.name, f.filter); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) search(ctx context.Context, ix store.Store, name string, f store.Filter) error {
	ask := func(exact bool) (hits [][]store.Scored, took []time.Duration, cpu time.Duration, err error) {
		before, err := b.cpu()
		if err != nil {
			return nil, nil, 0, err
		}
		for _, v := range b.queries {
			begin := time.Now()
			n, err := ix.Nearest(ctx, store.NearestQuery{Model: b.source.model.Identity, Vector: v, Filter: f, Limit: 10, Exact: exact})
			if err != nil {
				return nil, nil, 0, err
			}
			took = append(took, time.Since(begin))
			hits = append(hits, n.Hits)
		}
		after, err := b.cpu()
		return hits, took, (after - before) / time.Duration(len(b.queries)), err
	}
	if _, _, _, err := ask(false); err != nil { // into memory
		return err
	}
	got, took, cpu, err := ask(false)
	if err != nil {
		return err
	}
	want, exactTook, exactCPU, err := ask(true)
	if err != nil {
		return err
	}
	found, all := 0, 0
	for i := range want {
		for _, h := range want[i][:min(10, len(want[i]))] {
			all++
			if slices.ContainsFunc(got[i], func(g store.Scored) bool { return g.Picture == h.Picture || g.Score == h.Score }) {
				found++
			}
		}
	}
	fmt.Printf("search, %s: %.1f ms of the server's processor time, %.1f ms median, recall@10 %.3f; exact %.1f ms and %.1f ms\n",
		name, ms(cpu), ms(median(took)), float64(found)/float64(max(all, 1)), ms(exactCPU), ms(median(exactTook)))
	return nil
}

// tick is the unit of processor times in /proc (sysconf(_SC_CLK_TCK) is 100 on Linux).
const tick = time.Second / 100

// cpu returns the processor time of the server and of all its processes, those that have ended included (proc(5): utime, stime, cutime, cstime).
func (b *bench) cpu() (time.Duration, error) {
	server, err := b.server.PID()
	if err != nil {
		return 0, err
	}
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	sum := time.Duration(0)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has just ended
		}
		pid, rest, _ := strings.Cut(string(raw), " ")
		fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
		parent := fields[1]
		if parent != strconv.Itoa(server) && pid != strconv.Itoa(server) {
			continue
		}
		last := 13 // utime, stime
		if pid == strconv.Itoa(server) {
			last = 15 // and those of ended children
		}
		for _, field := range fields[11:last] {
			n, err := strconv.Atoi(field)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}
