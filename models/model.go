// Package models knows where models come from: the one inside the binary and those in folders, all in the layout
// in which OpenCLIP models are published as ONNX. It reads files and digests; it must not know what a tower computes.
package models

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/models/starter"
)

// The files of a model, relative to its folder, with slashes.
const (
	ConfigFile          = "config.json"
	VisualFile          = "visual/model.onnx"
	PreprocessFile      = "visual/preprocess_cfg.json"
	TextualFile         = "textual/model.onnx"
	TokenizerFile       = "textual/tokenizer.json"
	TokenizerConfigFile = "textual/tokenizer_config.json"
)

// Files lists every file that a complete model has.
func Files() []string {
	return []string{ConfigFile, VisualFile, PreprocessFile, TextualFile, TokenizerFile, TokenizerConfigFile}
}

// StarterName is the name of the built-in model.
const StarterName = "starter"

var (
	// ErrUnknown is a model name that nothing stands for.
	ErrUnknown = errors.New("unknown model")
	// ErrMissing is a model folder, or a file of it, that is not there.
	ErrMissing = errors.New("model is missing or incomplete")
	// ErrDamaged is a model file that is there and cannot be used.
	ErrDamaged = errors.New("model file is damaged")
)

// Model is one model's set of files. The zero value is not a model; use Builtin or Open.
type Model struct {
	// Name is what people call it: "starter", or the folder's base name.
	Name string
	// Dir is the absolute folder that holds it; empty for the built-in model.
	Dir string

	builtin map[string][]byte
	stored  bool // Name is enough to find it
	// of the manifest
	dynamicBatch []string
	rewriting    int
}

// HasDynamicBatch tells whether a tower's fixed batch may be freed by a version of the rewriting: it was tried with it.
func (m Model) HasDynamicBatch(tower string, version int) bool {
	return m.rewriting == version && slices.Contains(m.dynamicBatch, tower)
}

// Builtin returns the model inside the binary.
func Builtin() Model {
	return Model{Name: StarterName, builtin: map[string][]byte{
		ConfigFile:          starter.Config,
		VisualFile:          starter.Visual,
		PreprocessFile:      starter.Preprocess,
		TextualFile:         starter.Textual,
		TokenizerFile:       starter.Tokenizer,
		TokenizerConfigFile: starter.TokenizerConfig,
	}}
}

// Open resolves what a user wrote after --model: the built-in model's name, or a folder. A word that has no path
// separator and is no folder here is taken for a name (ErrUnknown); anything else for a folder (ErrMissing).
// Every file of the layout must be there; their contents are not read.
func Open(nameOrDir string) (Model, error) {
	if nameOrDir == StarterName {
		return Builtin(), nil
	}
	info, err := os.Stat(nameOrDir)
	if err != nil {
		isName := !strings.ContainsAny(nameOrDir, `/\`) && !strings.HasPrefix(nameOrDir, ".")
		if isName && errors.Is(err, fs.ErrNotExist) {
			return Model{}, fmt.Errorf("%w %q", ErrUnknown, nameOrDir)
		}
		return Model{}, fmt.Errorf("open model %q: %w: %w", nameOrDir, ErrMissing, fserr.Cause(err))
	}
	if !info.IsDir() {
		return Model{}, fmt.Errorf("open model %q: %w: not a folder", nameOrDir, ErrMissing)
	}
	dir, err := filepath.Abs(nameOrDir)
	if err != nil {
		return Model{}, fmt.Errorf("open model %q: %w", nameOrDir, err)
	}
	for _, name := range Files() {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return Model{}, fmt.Errorf("open model %q: %w: %w", nameOrDir, ErrMissing, inFile(name, fserr.Cause(err)))
		}
		if !info.Mode().IsRegular() {
			return Model{}, fmt.Errorf("open model %q: %w: %s is not a file", nameOrDir, ErrMissing, name)
		}
	}
	return Model{Name: filepath.Base(dir), Dir: dir}, nil
}

// inFile says which file of a model an error is about. Behind a name that ends with .json, a colon would look like the prefix of the JSON
// library's own messages.
func inFile(name string, err error) error {
	if strings.HasSuffix(name, ".json") {
		return fmt.Errorf("%s (%w)", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// MaxSmall bounds the files of a model that are read whole: all but the graphs. The largest published tokenizers have 34 MB.
const MaxSmall = 64 << 20

// IsSmall tells the files of the layout that are read whole.
func IsSmall(name string) bool {
	return slices.Contains(Files(), name) && name != VisualFile && name != TextualFile
}

// IsBuiltin tells whether the model's files are inside the binary.
func (m Model) IsBuiltin() bool { return m.builtin != nil }

// IsStored tells whether the model is one of the store's, with a manifest.
func (m Model) IsStored() bool { return m.stored }

// Ref is what Open takes to find this model again.
func (m Model) Ref() string {
	if m.IsBuiltin() || m.stored {
		return m.Name
	}
	return m.Dir
}

// Path returns where a file of the model lies on disk; empty for the built-in model.
func (m Model) Path(name string) string {
	if m.IsBuiltin() {
		return ""
	}
	return filepath.Join(m.Dir, filepath.FromSlash(name))
}

// ReadFile returns one file's contents. The caller must not change them: the built-in model's are the binary itself.
func (m Model) ReadFile(name string) ([]byte, error) {
	if m.IsBuiltin() {
		data, ok := m.builtin[name]
		if !ok {
			return nil, fmt.Errorf("read %s of model %s: %w", name, m.Name, ErrMissing)
		}
		return data, nil
	}
	if info, err := os.Stat(m.Path(name)); err == nil && info.Size() > MaxSmall {
		return nil, fmt.Errorf("read model file: %w: %s has %d bytes", ErrDamaged, name, info.Size())
	}
	data, err := os.ReadFile(m.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read model file: %w: %w", ErrMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read model file: %w", err)
	}
	return data, nil
}

// SubFS is one of the model's folders, which no name and no link leads out of; nil for the built-in model, whose
// graphs hold all their weights. done gives the folder back, which Windows renames and removes only then.
func (m Model) SubFS(dir string) (sub fs.FS, done func()) {
	if m.IsBuiltin() {
		return nil, func() {}
	}
	root, err := os.OpenRoot(m.Path(dir))
	if err != nil {
		return os.DirFS(m.Path(dir)), func() {} // whatever is read there will say what is wrong
	}
	return root.FS(), func() { _ = root.Close() }
}
