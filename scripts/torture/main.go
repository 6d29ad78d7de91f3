// Command torture tries to break the program: it kills every command that writes, flips bits in every file beside an index, and lets the
// program read mutated pictures. It takes an hour; docs/tested.md has the results.
//
//	go run ./scripts/torture [-program bin/imgsearch] [-photos DIR] [-n N] [-seed N] [-only TEXT] kills|flips|mutants
//
// It exits with 1 if data was lost, an answer was wrong with no warning, or the program crashed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// torture is one run.
type torture struct {
	program, photos, dir, only string
	n                          int
	r                          *rand.Rand
	bad                        int
	counts                     map[string]int
}

func main() {
	t := &torture{counts: make(map[string]int)}
	flag.StringVar(&t.program, "program", "bin/imgsearch", "the program")
	flag.StringVar(&t.photos, "photos", "", "a folder with photos, which are copied")
	flag.IntVar(&t.n, "n", 1000, "how many kills, flips or files")
	flag.StringVar(&t.only, "only", "", "flips: only files whose name contains this")
	seed := flag.Uint64("seed", 1, "seed of the random numbers")
	flag.Parse()
	t.r = rand.New(rand.NewPCG(*seed, 0)) //nolint:gosec // reproducible
	if err := t.run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
	fmt.Printf("%s: %v\n", flag.Arg(0), t.counts)
	if t.bad > 0 {
		fmt.Printf("%d bad\n", t.bad)
		os.Exit(1)
	}
}

func (t *torture) run(what string) (err error) {
	if t.program, err = filepath.Abs(t.program); err != nil {
		return err
	}
	if t.dir, err = os.MkdirTemp("", "torture-*"); err != nil {
		return err
	}
	defer os.RemoveAll(t.dir)
	begin := time.Now()
	defer func() { fmt.Printf("%s took %v\n", what, time.Since(begin).Round(time.Second)) }()
	switch what {
	case "kills":
		return t.kills()
	case "flips":
		return t.flips()
	case "mutants":
		return t.mutants()
	}
	return errors.New("choose kills, flips or mutants")
}

// wrong reports something that must not happen.
func (t *torture) wrong(format string, args ...any) {
	t.bad++
	fmt.Printf("BAD: "+format+"\n", args...)
}

func (t *torture) path(name string) string { return filepath.Join(t.dir, name) }

// command prepares the program with an index and folders of its own.
func (t *torture) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, t.program, append([]string{"--index", t.path("index/i.db")}, args...)...)
	c.Env = append(os.Environ(), "HOME="+t.path("home"), "IMGSEARCH_MODELS="+t.path("home/models"), "XDG_CACHE_HOME=", "XDG_STATE_HOME=", "XDG_DATA_HOME=", "XDG_CONFIG_HOME=")
	c.Dir = t.dir
	return c
}

// context ends when the program hangs.
func (t *torture) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	context.AfterFunc(ctx, func() { t.wrong("the program hangs") })
	_ = cancel // with the process
	return ctx
}

// answer is what a command said.
type answer struct {
	out, errs string
	code      int
	took      time.Duration
}

// do runs the program to its end, for a minute at most.
func (t *torture) do(args ...string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := t.command(ctx, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	begin := time.Now()
	err := c.Run()
	a := answer{out.String(), errs.String(), c.ProcessState.ExitCode(), time.Since(begin)}
	if ctx.Err() != nil {
		t.wrong("%q hangs", args)
	} else if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.wrong("%q: %v", args, err)
	}
	if a.code < 0 || strings.Contains(a.errs, "goroutine ") || strings.Contains(a.errs, "crashed") {
		t.wrong("%q crashed (%d): %s", args, a.code, a.errs)
	}
	return a
}

// must runs a command that has to succeed.
func (t *torture) must(args ...string) answer {
	a := t.do(args...)
	if a.code != 0 {
		t.wrong("%q: exit %d: %s", args, a.code, a.errs)
	}
	return a
}

// copyPhotos copies at most n photos into a folder.
func (t *torture) copyPhotos(to string, n int) error {
	if t.photos == "" {
		return errors.New("set -photos")
	}
	found, err := filepath.Glob(filepath.Join(t.photos, "*.jpg"))
	if err != nil || len(found) < n {
		return fmt.Errorf("%d photos in %s, want %d (%w)", len(found), t.photos, n, err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, path := range found[:n] {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(path)), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parse reads JSON output.
func parse[T any](text string) (v T, err error) {
	err = json.Unmarshal([]byte(text), &v)
	return v, err
}
