// Command workers measures what workers cost beside the model, which is replaced.
//
//	go run ./scripts/bench/workers [N [REPETITIONS]]
//
// It indexes N synthetic pictures (800) with an embedder that waits 100 ms a picture, by one worker and by four, each a process of its own; and 4 N with a
// constant embedder, by one worker and by a run on SQLite. Each measurement is repeated (three times), in turns. The server comes from
// internal/testkit/pgserver.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

func main() {
	ctx := context.Background()
	var err error
	if len(os.Args) == 4 && os.Args[1] == "worker" {
		err = work(ctx, os.Args[2], os.Args[3])
	} else {
		err = run(ctx, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
		os.Exit(1)
	}
}

// wait is how long the replaced embedder takes for a picture.
const wait = 100 * time.Millisecond

// fake is an embedder that returns the same vector for every picture. Its calls wait for each other, as those of a tower do.
type fake struct {
	dim  int
	wait time.Duration
	turn chan struct{}
}

func newFake(dim int, wait time.Duration) *fake { return &fake{dim, wait, make(chan struct{}, 1)} }

func (f *fake) Batch() (size, parallel int) { return 1, 1 }

func (f *fake) Embed(_ []float32, n int) ([][]float32, error) {
	f.turn <- struct{}{}
	time.Sleep(time.Duration(n) * f.wait)
	<-f.turn
	vectors := make([][]float32, n)
	for i := range vectors {
		vectors[i] = make([]float32, f.dim)
		vectors[i][0] = 1
	}
	return vectors, nil
}

// plain describes errors by themselves.
type plain struct{}

func (plain) Fault(err error) jobs.Fault   { return jobs.Fault{Message: err.Error()} }
func (plain) IsLasting(jobs.Fault) bool    { return false }
func (plain) Notice(n index.Notice) string { return fmt.Sprintf("%+v", n) }
func (plain) Path(path string) string      { return path }

// newApp returns the program with an index.
func newApp(name string) *app.App {
	return &app.App{IndexFile: name, Notify: func(any) {}, Logf: func(string, ...any) {}}
}

// work is a worker until it is interrupted.
func work(ctx context.Context, url, wait string) error {
	d, err := time.ParseDuration(wait)
	if err != nil {
		return err
	}
	s, err := newApp(url).OpenShared(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // the process ends
	var one *fake
	w, err := s.NewWorker(ctx, app.WorkerOptions{
		Jobs: 2, Log: slog.New(slog.DiscardHandler), Words: plain{},
		Embedder: func(m app.Model) index.Embedder {
			if one == nil {
				one = newFake(m.Spec.Dim, d)
			}
			return one
		},
	})
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	go func() {
		<-signals
		close(stop)
	}()
	return w.Run(ctx, stop)
}

func run(ctx context.Context, args []string) error {
	numbers := []int{800, 3}
	for i := range args {
		var err error
		if numbers[i], err = strconv.Atoi(args[i]); err != nil {
			return err
		}
	}
	n, reps := numbers[0], numbers[1]
	dir, err := os.MkdirTemp("", "imgsearch-workers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("IMGSEARCH_STATE", filepath.Join(dir, "state")); err != nil {
		return err
	}
	b := bench{dir: dir, photos: filepath.Join(dir, "photos"), n: n}
	if err := b.draw(); err != nil {
		return err
	}
	if b.server, err = pgserver.Run(ctx); err != nil {
		return err
	}
	defer b.server.Stop()
	var one, four, ratio, alone, shared, over []float64
	for range reps {
		a, err := b.shared(ctx, 1, wait)
		if err != nil {
			return err
		}
		c, err := b.shared(ctx, 4, wait)
		if err != nil {
			return err
		}
		one, four, ratio = append(one, a.Seconds()), append(four, c.Seconds()), append(ratio, a.Seconds()/c.Seconds())
	}
	fmt.Printf("%d pictures, %v each: one worker %.1f s, four %.1f s: %.2f times the throughput\n", n, wait, median(one), median(four), median(ratio))
	b.n *= 4
	if err := b.draw(); err != nil {
		return err
	}
	for range reps {
		a, err := b.alone(ctx)
		if err != nil {
			return err
		}
		c, err := b.shared(ctx, 1, 0)
		if err != nil {
			return err
		}
		alone, shared, over = append(alone, a.Seconds()), append(shared, c.Seconds()), append(over, (c-a).Seconds()*1000/float64(b.n))
	}
	fmt.Printf("%d pictures, constant embedder: a run on SQLite %.2f s, one worker %.2f s: %.2f ms a picture more\n", b.n, median(alone), median(shared), median(over))
	return nil
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

type bench struct {
	dir, photos string
	n           int
	server      *pgserver.Server
}

// draw writes the pictures, 500 in a folder.
func (b bench) draw() error {
	for i := range b.n {
		data, err := testkit.Encode("x.jpg", testkit.Picture(i, 320, 240))
		if err != nil {
			return err
		}
		path := filepath.Join(b.photos, fmt.Sprintf("%03d", i/500), fmt.Sprintf("%06d.jpg", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// shared returns how long workers take for a session.
func (b bench) shared(ctx context.Context, workers int, wait time.Duration) (took time.Duration, err error) {
	url, err := b.server.CreateDatabase(ctx)
	if err != nil {
		return 0, err
	}
	s, err := newApp(url).OpenShared(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Close() //nolint:errcheck // nothing is lost
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	for range workers {
		c := exec.CommandContext(ctx, self, "worker", url, wait.String())
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			return 0, err
		}
		defer func() {
			_ = c.Process.Signal(syscall.SIGINT)
			err = errors.Join(err, c.Wait())
		}()
	}
	for all := 0; all < workers; time.Sleep(50 * time.Millisecond) {
		list, err := s.Workers(ctx)
		if err != nil {
			return 0, err
		}
		all = len(list)
	}
	time.Sleep(time.Second)
	options := app.Indexing{Paths: []string{b.photos}, MaxPixels: 1e9, OCR: store.OCROff}
	if _, err := s.Store().AddRoot(ctx, b.photos, true); err != nil {
		return 0, err
	}
	time.Sleep(4 * time.Second) // until all workers have seen the root
	begin := time.Now()
	list, _, err := s.Divide(ctx, options, jobs.Normal, false)
	if err != nil {
		return 0, err
	}
	one := list[0]
	for !one.State.HasEnded() {
		if one, err = s.After(ctx, one.ID, one.Revision); err != nil {
			return 0, err
		}
	}
	took = one.EndedAt.Sub(begin)
	if one.Progress.Added != b.n || one.State != jobs.Done {
		return 0, fmt.Errorf("the session ended as %+v", one)
	}
	return took, nil
}

// alone returns how long a run on SQLite takes.
func (b bench) alone(ctx context.Context) (time.Duration, error) {
	dir, err := os.MkdirTemp(b.dir, "")
	if err != nil {
		return 0, err
	}
	a := newApp(filepath.Join(dir, "index.db"))
	at, err := a.Index()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	ix, lock, err := at.OpenToIndex(ctx)
	if err != nil {
		return 0, err
	}
	defer lock.Unlock() //nolint:errcheck // nothing is lost
	defer ix.Close()
	m, err := a.ChooseModel(ctx, ix, app.ModelChoice{}, true)
	if err != nil {
		return 0, err
	}
	stored, err := a.EnsureModel(ctx, ix, m)
	if err != nil {
		return 0, err
	}
	sum, err := index.Run(ctx, ix, index.Request{
		Paths: []string{b.photos}, Jobs: 2, MaxPixels: 1e9, Journal: at.Journal(), Model: stored, Reader: pictures.Reader{Spec: m.Spec},
		Load: func(context.Context) (index.Embedder, error) { return newFake(m.Spec.Dim, 0), nil },
	}, nil)
	if err == nil && sum.Added != b.n {
		err = fmt.Errorf("the run ended as %+v", sum)
	}
	return time.Since(begin), err
}
