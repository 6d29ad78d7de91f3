package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// maxAlone is how many times a worker may die while it reads a file alone before the file is set aside. For a run it is once: workers are also killed by service
// managers.
const maxAlone = 3

// Crashes are the files that were being read when workers of this machine died, and how many times each was read alone then.
type Crashes struct{ Files, Texts map[store.Place]int }

// maxCrashes is the size of the largest file of crashes that is read, in bytes.
const maxCrashes = 16 << 20

// TakeOver adds what the journal of a worker that has died holds to the index and to the crashes in a file of this machine, and removes the journal. It needs
// the Reader of req.
func TakeOver(ctx context.Context, s store.Store, req Request, journal, file string) (Crashes, error) {
	roots, err := s.Roots(ctx)
	if err != nil {
		return Crashes{}, err
	}
	req.On = req.On.withDefaults()
	r := newRun(s, req, roots)
	known := readCrashes(file)
	if err := r.takeOverFiles(ctx, journal, known.Files); err != nil {
		return known, err
	}
	texts, left, err := openJournal(journal + textJournal)
	if err != nil {
		return known, err
	}
	for _, f := range left {
		if known.Texts[f.place] += 0; f.alone {
			known.Texts[f.place]++
		}
	}
	if err := texts.close(); err != nil {
		return known, err
	}
	suspects, err := s.Suspects(ctx)
	if err != nil {
		return known, err
	}
	maps.DeleteFunc(known.Files, func(at store.Place, _ int) bool { return !suspects[at] }) // it has been read since
	return known, known.write(file)
}

// takeOverFiles makes the files in a journal suspects, and sets those aside that were read alone too often.
func (r *run) takeOverFiles(ctx context.Context, path string, alone map[store.Place]int) error {
	j, left, err := openJournal(path)
	if err != nil {
		return err
	}
	for i, f := range left {
		if !f.alone {
			continue
		}
		alone[f.place]++
		left[i].alone = alone[f.place] >= maxAlone
	}
	r.journal = j
	return errors.Join(r.takeOver(ctx, left), j.close())
}

// readCrashes reads a file of crashes. One that cannot be read counts as empty: then it takes longer until a file is set aside.
func readCrashes(path string) Crashes {
	var c Crashes
	if data, err := regular.Read(path, regular.NoLinks, maxCrashes); err == nil {
		_ = decode(data, &c)
	}
	if c.Files == nil {
		c.Files = make(map[store.Place]int)
	}
	if c.Texts == nil {
		c.Texts = make(map[store.Place]int)
	}
	return c
}

// write writes the crashes to a file, or removes the file if there are none.
func (c Crashes) write(path string) error {
	if len(c.Files)+len(c.Texts) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	data, err := encode(c)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write crashes: %w", err)
	}
	return nil
}
