package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

const (
	mutantsAtOnce = 2000
	maxSeed       = 120_000 // bytes
	memoryLimit   = 1 << 30
)

// mutants lets the program index mutated pictures of all formats. It must count each, neither crash nor hang, and stay below its memory limit.
func (t *torture) mutants() error {
	seeds, err := t.seeds()
	if err != nil {
		return err
	}
	fmt.Printf("%d seeds\n", len(seeds))
	var peak int64
	for begin := 0; begin < t.n; begin += mutantsAtOnce {
		n := min(mutantsAtOnce, t.n-begin)
		for _, dir := range []string{"mutants", "index"} {
			if err := os.RemoveAll(t.path(dir)); err != nil {
				return err
			}
			if err := os.MkdirAll(t.path(dir), 0o700); err != nil {
				return err
			}
		}
		for i := range n {
			s := seeds[t.r.IntN(len(seeds))]
			path := filepath.Join(t.path("mutants"), fmt.Sprintf("%06d%s", begin+i, s.ext))
			if err := os.WriteFile(path, mutate(t.r, s.data, seeds), 0o600); err != nil {
				return err
			}
		}
		memory := t.readMutants(n)
		peak = max(peak, memory)
		fmt.Printf("%d files, peak %d MB, %d bad so far\n", begin+n, peak>>20, t.bad)
	}
	return nil
}

// readMutants indexes the files and returns the peak memory in bytes.
func (t *torture) readMutants(n int) int64 {
	c := t.command(t.context(), "index", "--json", "--max-memory", "1GB", "mutants")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	_ = c.Run()
	code := c.ProcessState.ExitCode()
	if code != 0 && code != 3 || strings.Contains(errs.String(), "crashed") || strings.Contains(errs.String(), "goroutine ") {
		t.wrong("exit %d: %s", code, tail(errs.String()))
		t.keepMutants()
	}
	run, err := parse[struct {
		Complete                               bool
		Scanned, Added, Failed, Moved, Damaged int
		Skipped                                map[string]int
	}](out.String())
	skipped := 0
	for _, k := range run.Skipped {
		skipped += k
	}
	if err != nil || !run.Complete || run.Scanned != run.Added+run.Failed || run.Scanned+skipped != n {
		t.wrong("%d files are counted as %+v, %v", n, run, err)
		t.keepMutants()
	}
	t.counts["added"] += run.Added
	t.counts["failed"] += run.Failed
	t.counts["damaged"] += run.Damaged
	t.counts["skipped"] += skipped
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	memory := usage.Maxrss << 10 // kilobytes, on Linux
	if memory > memoryLimit {
		t.wrong("%d MB of memory", memory>>20)
		t.keepMutants()
	}
	return memory
}

// keepMutants keeps the files for a closer look.
func (t *torture) keepMutants() {
	kept, err := os.MkdirTemp("", "torture-mutants-*")
	if err == nil {
		err = os.CopyFS(kept, os.DirFS(t.path("mutants")))
	}
	fmt.Println("  the files are in", kept, err)
}

func tail(text string) string { return text[max(0, len(text)-1000):] }

// seed is a picture to mutate.
type seed struct {
	ext  string
	data []byte
}

// seeds returns small pictures: photos, pictures written in every format that Go writes, and the samples in the modules that this one uses.
func (t *torture) seeds() (list []seed, err error) {
	for i, size := range [][2]int{{64, 48}, {33, 77}, {200, 150}} {
		for _, name := range []string{"a.jpg", "a.png", "a.gif", "a.bmp", "a.tiff", "a.webp"} {
			data, err := testkit.Encode(name, testkit.Picture(i, size[0], size[1]))
			if err != nil {
				return nil, err
			}
			list = append(list, seed{filepath.Ext(name), data})
		}
	}
	dirs, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	folders := append(strings.Fields(string(dirs)), t.photos)
	perFormat := make(map[string]int)
	const most = 25 // of a format in a folder's files
	for _, dir := range folders {
		if dir == "" {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			ext := strings.ToLower(filepath.Ext(path))
			if err != nil || d.IsDir() || !slices.Contains([]string{".jpg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".avif", ".jxl", ".dng", ".cr2", ".nef"}, ext) {
				return err
			}
			if info, err := d.Info(); err != nil || info.Size() > maxSeed || info.Size() == 0 || perFormat[ext] >= most {
				return err
			}
			data, err := os.ReadFile(path)
			list, perFormat[ext] = append(list, seed{ext, data}), perFormat[ext]+1
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// mutate returns a changed copy: flipped bits, other bytes, extreme numbers, cut, repeated or foreign parts.
func mutate(r *rand.Rand, data []byte, seeds []seed) []byte {
	data = slices.Clone(data)
	for range 1 + r.IntN(4) {
		if len(data) < 8 {
			return data
		}
		at := r.IntN(len(data))
		if r.IntN(2) == 0 { // headers are more interesting
			at = r.IntN(min(len(data), 512))
		}
		end := min(at+1+r.IntN(64), len(data))
		switch r.IntN(8) {
		case 0:
			data[at] ^= 1 << r.IntN(8)
		case 1:
			data[at] = byte(r.IntN(256))
		case 2:
			for i := at; i < min(at+4, len(data)); i++ {
				data[i] = []byte{0, 0xff, 0x7f, 0x80}[r.IntN(4)]
			}
		case 3:
			data = data[:at]
		case 4:
			data = slices.Insert(data, at, slices.Clone(data[at:end])...)
		case 5:
			data = slices.Delete(data, at, end)
		case 6:
			other := seeds[r.IntN(len(seeds))].data
			from := r.IntN(len(other))
			data = slices.Insert(data, at, other[from:min(from+r.IntN(200), len(other))]...)
		case 7:
			for i := at; i < end; i++ {
				data[i] = byte(r.IntN(256))
			}
		}
	}
	return data
}
