// Package models finds models: the one built into the binary and those in folders, all in the layout
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
	"github.com/imgsearch/imgsearch/internal/regular"
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
	// ErrUnknown is a name that no model has.
	ErrUnknown = errors.New("unknown model")
	// ErrMissing is a model folder, or a file in it, that does not exist.
	ErrMissing = errors.New("model is missing or incomplete")
	// ErrDamaged is a model file that exists but cannot be used.
	ErrDamaged = errors.New("model file is damaged")
)

// Model is one model's set of files. The zero value is not a model; use Builtin or Open.
type Model struct {
	// Name is the model's name for users: "starter", or the folder's base name.
	Name string
	// Dir is the absolute path of its folder; empty for the built-in model.
	Dir string

	builtin map[string][]byte
	stored  bool // Name is enough to find it
	// from the manifest
	dynamicBatch []string
	rewriting    int
}

// HasDynamicBatch reports whether a version of the rewriting may free a tower's fixed batch: pull tested the model with that version.
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

// Open resolves the value of --model: the built-in model's name, or a folder. A word that has no path
// separator and is not a folder here is treated as a name (ErrUnknown); anything else as a folder (ErrMissing).
// Every file of the layout must exist; their contents are not read.
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

// inFile adds the name of the model file to an error. After a name that ends with .json, a colon would look like the prefix of the JSON
// library's own messages.
func inFile(name string, err error) error {
	if strings.HasSuffix(name, ".json") {
		return fmt.Errorf("%s (%w)", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// MaxSmall limits the size of the model files that are read whole: all but the graphs. The largest published tokenizers are 34 MB.
const MaxSmall = 64 << 20

// IsSmall reports whether a file of the layout is read whole.
func IsSmall(name string) bool {
	return slices.Contains(Files(), name) && name != VisualFile && name != TextualFile
}

// IsBuiltin reports whether the model's files are inside the binary.
func (m Model) IsBuiltin() bool { return m.builtin != nil }

// IsStored reports whether the model is in the store, with a manifest.
func (m Model) IsStored() bool { return m.stored }

// Ref returns the argument with which Open finds this model again.
func (m Model) Ref() string {
	if m.IsBuiltin() || m.stored {
		return m.Name
	}
	return m.Dir
}

// Path returns the path of a model file on disk; empty for the built-in model.
func (m Model) Path(name string) string {
	if m.IsBuiltin() {
		return ""
	}
	return filepath.Join(m.Dir, filepath.FromSlash(name))
}

// ReadFile returns one file's contents. The caller must not change them: the built-in model's are part of the binary.
func (m Model) ReadFile(name string) ([]byte, error) {
	if m.IsBuiltin() {
		data, ok := m.builtin[name]
		if !ok {
			return nil, fmt.Errorf("read %s of model %s: %w", name, m.Name, ErrMissing)
		}
		return data, nil
	}
	if info, err := os.Stat(m.Path(name)); err == nil && info.Size() > MaxSmall {
		return nil, fmt.Errorf("read model file: %w: %s is too large (%d bytes)", ErrDamaged, name, info.Size())
	}
	data, err := regular.Read(m.Path(name), regular.FollowLinks, MaxSmall)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read model file: %w: %w", ErrMissing, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read model file: %w", err)
	}
	return data, nil
}

// SubFS returns one of the model's folders, which no name and no link can escape; nil for the built-in model, whose
// graphs hold all their weights. done closes the folder; Windows cannot rename or remove it before.
func (m Model) SubFS(dir string) (sub fs.FS, done func()) {
	if m.IsBuiltin() {
		return nil, func() {}
	}
	root, err := os.OpenRoot(m.Path(dir))
	if err != nil {
		return os.DirFS(m.Path(dir)), func() {} // the next read reports the error
	}
	return root.FS(), func() { _ = root.Close() }
}
