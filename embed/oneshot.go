package embed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/edsrzf/mmap-go"
	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/dynamic"
	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/digest"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/models"
)

// A search runs the text tower once, so it mostly waits for loading. The cache therefore keeps a copy of the tower in the
// runtime's own format: optimised, mapped into memory, and with the context length freed if that changes no vector, so that a
// query of five words computes only its own tokens. Measured with ViT-B/32 on two cores, from start to the first answer: 0.32 s
// with the tower's file, 0.06 s with the copy (docs/benchmarks.md#once).

// oneShotVersion is incremented when copies are made differently.
const oneShotVersion = 2

// oneShotCopy is the note that is stored next to a copy.
type oneShotCopy struct {
	// Size is the size of the copy in bytes: a truncated copy is not used.
	Size int64 `json:"size"`
	// SHA256 is the digest of the copy: one that has changed is not used.
	SHA256 string `json:"sha256,omitempty"`
	// Context reports whether the context length is free.
	Context bool `json:"context"`
	// Notes says why it is not free, or, if Size is 0, why no copy can be made.
	Notes string `json:"notes,omitempty"`

	path string
}

// oneShotPath returns the path of the copy in a cache folder. The name contains the version of the runtime, which made the copy.
func (l *Loader) oneShotPath(dir string) string {
	return filepath.Join(dir, "models", fmt.Sprintf("%s.once-%d.%d.%s.ort", l.spec.towerKey(models.TextualFile), oneShotVersion, dynamic.Version, ort.GetVersion()))
}

// findOneShot looks for the copy, and removes one that has changed since it was made. The runtime must have been started.
func (l *Loader) findOneShot() (c oneShotCopy, ok bool) {
	for _, dir := range l.options.CacheDirs {
		path := l.oneShotPath(dir)
		c, err := readNote(path)
		if err != nil || c.Size == 0 {
			continue
		}
		err = digest.VerifyOnce(path, c.SHA256, l.options.CacheDirs)
		if err == nil {
			c.path = path
			return c, true
		}
		if errors.Is(err, digest.ErrDiffers) {
			l.doubtTexts()
			os.Remove(path)
			os.Remove(path + noteSuffix)
			digest.Forget(path, l.options.CacheDirs)
			l.options.Notify(OneShotDamaged{l.spec.Model.Name, path})
		}
	}
	return oneShotCopy{}, false
}

// doubtedPath returns the path of the mark that a copy of the text tower in a cache folder was damaged.
func (l *Loader) doubtedPath(dir string) string {
	return filepath.Join(dir, "models", l.spec.towerKey(models.TextualFile)+doubtedSuffix)
}

const doubtedSuffix = ".doubted"

// doubtTexts leaves a new mark: what any search on this machine has computed with the copy may be wrong, and may be remembered in any index.
func (l *Loader) doubtTexts() {
	for _, dir := range l.options.CacheDirs {
		if atomicfile.Write(l.doubtedPath(dir), fmt.Appendf(nil, "%016x", rand.Uint64())) == nil { //nolint:gosec // it need only be new
			return
		}
	}
}

// Epoch returns a mark that changes when a copy of the text tower is found damaged; "" if none ever was.
func (l *Loader) Epoch() string {
	const longest = 64
	epoch := ""
	for _, dir := range l.options.CacheDirs {
		if mark, err := regular.Read(l.doubtedPath(dir), regular.FollowLinks, longest); err == nil {
			epoch += "\x00" + string(mark)
		}
	}
	return epoch
}

// CheckOneShot reads the copies of the text tower and returns the paths of those that have changed since they were made. It removes only
// the note that a damaged one was verified, so that the next search removes the copy.
func (l *Loader) CheckOneShot() (damaged []string, err error) {
	if _, err := startRuntime(l.options.Library); err != nil {
		return nil, err
	}
	for _, dir := range l.options.CacheDirs {
		path := l.oneShotPath(dir)
		c, err := readNote(path)
		if err != nil || c.Size == 0 {
			continue
		}
		if errors.Is(digest.Verify(path, c.SHA256), digest.ErrDiffers) {
			digest.Forget(path, l.options.CacheDirs)
			damaged = append(damaged, path)
		}
	}
	return damaged, nil
}

// noteSuffix is the suffix of the note next to a copy.
const noteSuffix = ".json"

// readNote reads the note that is stored next to a copy.
func readNote(at string) (c oneShotCopy, err error) {
	const longest = 64 << 10
	data, err := regular.Read(at+noteSuffix, regular.FollowLinks, longest)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	return c, err
}

// PrepareOneShot makes the text tower's copy for searches, unless there is one. It takes seconds and as much disk space in the
// cache as the tower, and fails if the disk has too little space.
func (l *Loader) PrepareOneShot(ctx context.Context) error {
	if _, err := startRuntime(l.options.Library); err != nil {
		return err
	}
	if _, ok := l.findOneShot(); ok || len(l.options.CacheDirs) == 0 {
		return nil
	}
	for _, dir := range l.options.CacheDirs {
		if failed, err := readNote(l.oneShotPath(dir)); err == nil && failed.Size == 0 {
			return fmt.Errorf("cannot make a copy of the text tower: %s", failed.Notes)
		}
	}
	var errs []error
	for _, dir := range l.options.CacheDirs {
		err := l.makeOneShot(ctx, l.oneShotPath(dir))
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("keep a copy of the text tower: %w", errors.Join(errs...))
}

// spareDisk is how many times the copy's size must be free.
const spareDisk = 4

func (l *Loader) makeOneShot(ctx context.Context, at string) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	if l.options.FreeBytes != nil {
		size, err := l.spec.towerBytes(models.TextualFile)
		if err != nil {
			return err
		}
		if free, err := l.options.FreeBytes(filepath.Dir(at)); err == nil && free < uint64(spareDisk*size) {
			return fmt.Errorf("only %d MB are free in %s", free>>20, filepath.Dir(at))
		}
	}
	l.options.Notify(MakingOneShot{l.spec.Model.Name})
	atomicfile.Sweep(filepath.Dir(at), oneShotPattern)
	reference, err := openTextual(l.spec, tuning{oneShot: true})
	if err != nil {
		return err
	}
	want, err := reference.Embed(oneShotTexts(l.spec.Tokens.ContextLength))
	reference.session.close()
	if err != nil {
		return err
	}
	c := oneShotCopy{Context: true}
	err = l.tryOneShot(ctx, at, &c, want)
	if err != nil && ctx.Err() == nil {
		c = oneShotCopy{Notes: err.Error()}
		err = l.tryOneShot(ctx, at, &c, want)
	}
	if err == nil {
		l.dropOtherOneShot(at)
		return nil
	}
	if ctx.Err() == nil && !errors.Is(err, syscall.ENOSPC) { // so that not every search tries again
		err = errors.Join(err, writeNote(at, oneShotCopy{Notes: err.Error()}))
	}
	return err
}

// writeNote writes a copy's note next to it.
func writeNote(at string, c oneShotCopy) error {
	note, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return atomicfile.Write(at+noteSuffix, append(note, '\n'))
}

// oneShotTexts returns texts of several lengths, for which the copy must give the tower's vectors.
func oneShotTexts(contextLength int) []string {
	return []string{"a", "dog", "a dog on the beach", "two people climb a snowy mountain at night", strings.Repeat("red car ", contextLength)}
}

// oneShotPattern is the name of a copy in the making.
const oneShotPattern = ".once-*.ort"

// minOneShotCosine is the least cosine between the copy's vectors and the tower's. Measured on five towers: 0.9999999;
// MobileCLIP-S1, whose tokens attend to later ones, is at 0.43 with a shortened context.
const minOneShotCosine = 0.99999

// tryOneShot makes a copy, compares its vectors with want, and renames it to at.
func (l *Loader) tryOneShot(ctx context.Context, at string, c *oneShotCopy, want [][]float32) error {
	tmp := filepath.Join(filepath.Dir(at), atomicfile.Name(oneShotPattern))
	defer os.Remove(tmp)
	if err := l.writeOneShot(tmp, c.Context); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := os.Stat(tmp)
	if err != nil {
		return err
	}
	c.Size, c.path = info.Size(), tmp
	tower, err := openTextual(l.spec, tuning{oneShot: true, copied: c})
	if err != nil {
		return err
	}
	got, err := tower.Embed(oneShotTexts(l.spec.Tokens.ContextLength))
	tower.session.close()
	if err != nil {
		return err
	}
	if cos := worstCosine(got, want); cos < minOneShotCosine {
		return fmt.Errorf("with a free context length the copy gives different vectors: cosine %.5f", cos)
	}
	if err := os.Chmod(tmp, 0o600); err != nil {
		return err
	}
	if c.SHA256, err = digest.File(tmp); err != nil {
		return err
	}
	if err := atomicfile.Put(tmp, at); err != nil {
		return err
	}
	return writeNote(at, *c)
}

// writeOneShot lets the runtime optimise the tower and write it in its own format.
func (l *Loader) writeOneShot(path string, context bool) error {
	g, done, err := l.spec.readGraph(models.TextualFile, l.spec.Model.Path(models.TextualFile))
	if err != nil {
		return err
	}
	defer done()
	if context {
		if err := dynamic.Context(g); err != nil {
			return err
		}
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	from := l.spec.Model.Path(models.TextualFile)
	data, err := graphData(g, from)
	if err != nil {
		return err
	}
	for _, set := range []func() error{
		// Without the layouts for this processor's caches: the copy must still work when the cache moves to another machine.
		func() error { return options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableExtended) },
		func() error { return options.SetOptimizedModelFilePath(path) },
		func() error { return options.AddSessionConfigEntry("session.save_model_format", "ORT") },
		func() error {
			return options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", filepath.Dir(from))
		},
	} {
		if err := set(); err != nil {
			return err
		}
	}
	input := make([]string, len(g.Inputs))
	for i, in := range g.Inputs {
		input[i] = in.Name
	}
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(data, input, []string{g.Outputs[0].Name}, options)
	if err != nil {
		return err
	}
	return s.Destroy()
}

// openOneShot opens a copy, which stays mapped until the session is closed.
func openOneShot(s *session, c oneShotCopy, names []string, options *ort.SessionOptions) error {
	f, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer f.Close()
	mapped, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil {
		return fmt.Errorf("map %s: %w", c.path, err)
	}
	for _, name := range []string{"session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers", "session.disable_prepacking"} {
		if err := options.AddSessionConfigEntry(name, "1"); err != nil {
			return errors.Join(err, mapped.Unmap())
		}
	}
	s.native, err = ort.NewDynamicAdvancedSessionWithONNXData(mapped, names, []string{s.output.Name}, options)
	if err != nil {
		return errors.Join(err, mapped.Unmap())
	}
	s.unmap = mapped.Unmap
	return nil
}

// oneShotSignature returns the signature of a copy.
func oneShotSignature(sig onnx.Signature, context bool) onnx.Signature {
	if !context {
		return sig
	}
	inputs := make([]onnx.Value, len(sig.Inputs))
	for i, in := range sig.Inputs {
		inputs[i] = onnx.Value{Name: in.Name, Elem: in.Elem, Dims: []int64{1, onnx.Dynamic}}
	}
	return onnx.Signature{Inputs: inputs, Outputs: sig.Outputs}
}

// dropOtherOneShot removes copies of this tower that another version made.
func (l *Loader) dropOtherOneShot(at string) {
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(at), l.spec.towerKey(models.TextualFile)+".once-*"))
	for _, path := range others {
		if !strings.HasPrefix(path, at) {
			_ = os.Remove(path)
			digest.Forget(path, l.options.CacheDirs)
		}
	}
}

// towerBytes returns the size of a tower's files.
func (s Spec) towerBytes(file string) (int64, error) {
	if s.Model.IsBuiltin() {
		data, err := s.Model.ReadFile(file)
		return int64(math.Ceil(builtinGrowth * float64(len(data)))), err
	}
	var n int64
	for _, name := range append([]string{file}, s.weightFiles(file)...) {
		info, err := os.Stat(s.Model.Path(name))
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, nil
}

// builtinGrowth is how many times larger than its file the built-in model's copy may be, since the file stores weights in 8 bits: 2.5, plus a margin.
const builtinGrowth = 4
