package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/embed/quantize"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/digest"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/models"
)

// quantizedTower returns the path of a tower with integer products. It is made once, in the first cache folder that can
// hold it, under a name made of the tower's digests and the recipe; a copy that has changed since is made again.
func (l *Loader) quantizedTower(file string) (string, error) {
	key := l.spec.towerKey(file) + "." + strings.ReplaceAll(Int8.recipe(), " ", "-") + ".onnx"
	var errs []error
	for _, dir := range l.options.CacheDirs {
		at := filepath.Join(dir, "models", key)
		if intact(at) {
			return at, nil
		}
	}
	for _, dir := range l.options.CacheDirs {
		at := filepath.Join(dir, "models", key)
		err := l.quantizeTo(at, file)
		if err == nil {
			return at, nil
		}
		if errors.Is(err, models.ErrDamaged) || errors.Is(err, models.ErrMissing) || errors.Is(err, quantize.ErrNothing) {
			return "", err
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("there is no cache folder"))
	}
	return "", fmt.Errorf("keep the int8 copy of the model: %w", errors.Join(errs...))
}

// DropCopies removes the copies of a model's towers from the cache.
func DropCopies(spec Spec, cacheDirs []string) error {
	var errs []error
	for _, dir := range cacheDirs {
		for _, file := range []string{models.VisualFile, models.TextualFile} {
			copies, err := filepath.Glob(filepath.Join(dir, "models", spec.towerKey(file)+".*"))
			errs = append(errs, err)
			for _, path := range copies {
				if strings.HasSuffix(path, doubtedSuffix) {
					continue // what was remembered stays doubtful
				}
				errs = append(errs, os.Remove(path))
				digest.Forget(path, cacheDirs)
			}
		}
	}
	return errors.Join(errs...)
}

// towerKey identifies a tower's contents: it is the start of a SHA-256 over the digests of its graph and its weights.
func (s Spec) towerKey(file string) string {
	h := sha256.New()
	for _, name := range append([]string{file}, s.weightFiles(file)...) {
		fmt.Fprintf(h, "%s %s\n", s.Digests[name], name)
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// intact reports whether a file exists and has not changed since it was made.
func intact(at string) bool {
	const longest = 1 << 10
	want, err := regular.Read(at+".sha256", regular.FollowLinks, longest)
	if err != nil {
		return false
	}
	return digest.Verify(at, strings.TrimSpace(string(want))) == nil
}

func (l *Loader) quantizeTo(at, file string) error {
	g, done, err := l.spec.readGraph(file, l.spec.Model.Path(file))
	if err != nil {
		return err
	}
	defer done()
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	f, err := atomicfile.Create(at, atomicfile.Options{Durable: true, Unfinished: ".int8-*"})
	if err != nil {
		return err
	}
	defer f.Abort()
	sum := sha256.New()
	// Reported with the first byte: a model that has nothing to quantise writes none.
	first := callFirst(func() { l.options.Notify(MakingInt8{l.spec.Model.Name, at}) })
	if _, err := quantize.Dynamic(g, io.MultiWriter(first, f, sum), quantizeOptions()); err != nil {
		if errors.Is(err, onnx.ErrFormat) {
			return damaged(file, err)
		}
		return fmt.Errorf("quantise %s of %s: %w", file, l.spec.Model.Name, err)
	}
	if err := f.Commit(); err != nil {
		return err
	}
	return atomicfile.Write(at+".sha256", []byte(hex.EncodeToString(sum.Sum(nil))+"\n"))
}

// writerFunc is a function that implements io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// callFirst returns a writer that calls f at the first write.
func callFirst(f func()) io.Writer {
	once := sync.OnceFunc(f)
	return writerFunc(func(p []byte) (int, error) {
		once()
		return len(p), nil
	})
}
