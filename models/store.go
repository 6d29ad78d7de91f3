package models

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/digest"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/jsonerr"
)

// ErrNotInstalled is a model in the catalogue that is not in the store.
var ErrNotInstalled = errors.New("model is not installed")

// Store is the folder of pulled models, with a subfolder for each.
type Store struct{ Dir string }

// ManifestFile is the name of the manifest in a stored model's folder.
const ManifestFile = "imgsearch-model.json"

// Manifest records where a stored model came from, and its files when it was pulled.
type Manifest struct {
	Schema int    `json:"schema"`
	Name   string `json:"name"`
	// Source is the hub's repository, the URL or the folder.
	Source string `json:"source"`
	// Revision is the hub's commit.
	Revision string                  `json:"revision,omitempty"`
	PulledAt time.Time               `json:"pulled_at"`
	Files    map[string]ManifestItem `json:"files"`
	// DynamicBatch lists the towers whose graph has a fixed batch that can be freed: pull compared the vectors.
	// Rewriting is the version of the code that freed it.
	DynamicBatch []string `json:"dynamic_batch,omitempty"`
	Rewriting    int      `json:"rewriting,omitempty"`
}

// ManifestItem is one file, by its path with slashes.
type ManifestItem struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Bytes returns the total size of all files.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// CheckName returns an error if name cannot be the name of a stored model.
func CheckName(name string) error {
	if name == "" || name == StarterName || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\:*?"<>|`) || !filepath.IsLocal(name) ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("%w %q: not a valid model name", ErrUnknown, name)
	}
	return nil
}

// Path returns a stored model's folder.
func (s Store) Path(name string) string { return filepath.Join(s.Dir, name) }

// Open resolves the value of --model: the name of the built-in model or of a stored one, or a folder. A name in
// the catalogue that is not stored is ErrNotInstalled; for the rest see the function Open.
func (s Store) Open(nameOrDir string) (Model, error) {
	if nameOrDir != StarterName && CheckName(nameOrDir) == nil {
		if manifest, err := s.Manifest(nameOrDir); err == nil {
			m, err := Open(s.Path(nameOrDir))
			m.stored = true
			m.dynamicBatch, m.rewriting = manifest.DynamicBatch, manifest.Rewriting
			return m, err
		} else if !errors.Is(err, fs.ErrNotExist) {
			return Model{}, err
		}
		catalogue, err := ReadCatalogue()
		if err != nil {
			return Model{}, err
		}
		if _, ok := catalogue.Lookup(nameOrDir); ok {
			return Model{}, fmt.Errorf("open model %q: %w", nameOrDir, ErrNotInstalled)
		}
	}
	return Open(nameOrDir)
}

// Manifest reads a stored model's manifest. A model that is not stored is fs.ErrNotExist.
func (s Store) Manifest(name string) (Manifest, error) {
	var m Manifest
	if s.Dir == "" {
		return m, fmt.Errorf("open model %q: %w", name, fs.ErrNotExist)
	}
	data, err := os.ReadFile(filepath.Join(s.Path(name), ManifestFile))
	if err != nil {
		return m, fmt.Errorf("open model %q: %w", name, err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("open model %q: %w: %s (%w)", name, ErrDamaged, ManifestFile, jsonerr.Plain(err))
	}
	return m, nil
}

// WriteManifest writes the manifest, the last file of a model's folder.
func WriteManifest(dir string, m Manifest) error {
	data, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Replace(filepath.Join(dir, ManifestFile), append(data, '\n'), atomicfile.Options{Durable: true, Unfinished: ".manifest-*"})
}

// Installed lists the names of the stored models, including damaged ones.
func (s Store) Installed() ([]string, error) {
	if s.Dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	var names []string
	for _, e := range entries {
		if CheckName(e.Name()) != nil || !e.IsDir() {
			continue
		}
		if _, err := s.Manifest(e.Name()); !errors.Is(err, fs.ErrNotExist) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Problem is a file of a stored model that no longer matches the manifest.
type Problem struct {
	File string `json:"file"`
	What string `json:"what"`
}

// Verify hashes every file of a stored model and compares it with the manifest; it calls checked after each file.
func (s Store) Verify(name string, checked func(file string, bytes int64)) ([]Problem, error) {
	m, err := s.Manifest(name)
	if err != nil {
		return nil, err
	}
	var problems []Problem
	for _, file := range m.sorted() {
		if !filepath.IsLocal(filepath.FromSlash(file)) {
			return nil, fmt.Errorf("verify model %q: %w: %s lists a file outside the model: %q", name, ErrDamaged, ManifestFile, file)
		}
		sum, err := digest.File(filepath.Join(s.Path(name), filepath.FromSlash(file)))
		switch {
		case err != nil:
			problems = append(problems, Problem{file, fserr.Cause(err).Error()})
		case sum != m.Files[file].SHA256:
			problems = append(problems, Problem{file, "SHA-256 is " + sum + ", was " + m.Files[file].SHA256})
		}
		checked(file, m.Files[file].Size)
	}
	return problems, nil
}

func (m Manifest) sorted() []string {
	names := make([]string, 0, len(m.Files))
	for name := range m.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Partial reports whether an unfinished pull of a model left files.
func (s Store) Partial(name string) bool {
	_, err := os.Lstat(s.partial(name))
	return err == nil
}

// partial is the folder that a model is downloaded into, and old the folder that the replaced model is moved to.
func (s Store) partial(name string) string { return filepath.Join(s.Dir, "."+name+".partial") }
func (s Store) old(name string) string     { return filepath.Join(s.Dir, "."+name+".old") }

// Remove deletes a stored model's files and what unfinished pulls left: the files in the manifest, or those of the layout
// if the manifest is damaged, and then the empty folders. It keeps all other files.
func (s Store) Remove(name string) error {
	for _, ours := range []string{s.partial(name), s.old(name)} {
		if err := os.RemoveAll(ours); err != nil {
			return fmt.Errorf("remove model %q: %w", name, err)
		}
	}
	m, err := s.Manifest(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	files := m.sorted()
	if errors.Is(err, ErrDamaged) {
		files, err = Files(), nil
	}
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(s.Path(name))
	if err != nil {
		return fmt.Errorf("remove model %q: %w", name, err)
	}
	defer dir.Close() //nolint:errcheck // nothing was written through it
	// The manifest goes last: an interrupted removal leaves a damaged model, which can be removed again.
	for _, file := range append(files, ManifestFile) {
		if err := dir.Remove(filepath.FromSlash(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove model %q: %w", name, err)
		}
	}
	for _, sub := range []string{"visual", "textual"} {
		_ = dir.Remove(sub) // fails if it is not empty
	}
	_ = os.Remove(s.Path(name))
	return nil
}
