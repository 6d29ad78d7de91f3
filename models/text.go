package models

import (
	"crypto/sha256"
	_ "embed" // the files of the built-in text model
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// The built-in text model, PP-OCRv6 tiny (models/ocr-tiny/README.md).
var (
	//go:embed ocr-tiny/det.onnx
	ocrDetector []byte
	//go:embed ocr-tiny/rec.onnx
	ocrRecogniser []byte
	//go:embed ocr-tiny/dict.txt
	ocrCharacters []byte
)

// TextBuiltinName is the name of the built-in text model.
const TextBuiltinName = "ppocr-v6-tiny"

// The files of a stored text model, relative to its folder. The characters are in the recogniser's configuration.
const (
	TextDetectorFile   = "det.onnx"
	TextRecogniserFile = "rec.onnx"
	TextConfigFile     = "rec.yml"
)

// builtinTextDigests are the SHA-256 of the built-in text model's detector, recogniser and characters. TestTextDigests checks them.
var builtinTextDigests = []string{
	"193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
	"9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
	"2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
}

// TextModel is a model that finds and reads text in pictures. The zero value is not a model; use BuiltinText or Store.OpenText.
type TextModel struct {
	// Name is the model's name for users.
	Name string

	dir     string   // "" for the built-in model
	digests []string // SHA-256 of its files
}

// TextFiles are the contents of a text model.
type TextFiles struct {
	// Detector and Recogniser are ONNX graphs.
	Detector, Recogniser []byte
	// Characters are the recogniser's classes between the blank and the space.
	Characters []string
}

// BuiltinText returns the text model that is part of the program.
func BuiltinText() TextModel { return TextModel{Name: TextBuiltinName, digests: builtinTextDigests} }

// IsText reports whether a name is that of a text model: the built-in one or one of the catalogue.
func IsText(name string) bool {
	catalogue, err := ReadCatalogue()
	return name == TextBuiltinName || err == nil && slices.ContainsFunc(catalogue.Text, func(e TextEntry) bool { return e.Name == name })
}

// OpenText returns a text model by its name; "" is the built-in one. A model of the catalogue that is not in the store is ErrNotInstalled, any other
// name ErrUnknown.
func (s Store) OpenText(name string) (TextModel, error) {
	switch {
	case name == "" || name == TextBuiltinName:
		return BuiltinText(), nil
	case !IsText(name):
		return TextModel{}, fmt.Errorf("%w %q", ErrUnknown, name)
	}
	manifest, err := s.Manifest(name)
	if errors.Is(err, fs.ErrNotExist) {
		return TextModel{}, fmt.Errorf("open model %q: %w", name, ErrNotInstalled)
	}
	if err != nil {
		return TextModel{}, err
	}
	m := TextModel{Name: name, dir: s.Path(name)}
	for _, file := range []string{TextDetectorFile, TextRecogniserFile, TextConfigFile} {
		item, ok := manifest.Files[file]
		if !ok {
			return TextModel{}, fmt.Errorf("open model %q: %w: %s", name, ErrMissing, file)
		}
		m.digests = append(m.digests, item.SHA256)
	}
	return m, nil
}

// OpenTextDir returns the text model in a folder, which need not be in a store.
func OpenTextDir(name, dir string) TextModel { return TextModel{Name: name, dir: dir} }

// Digest returns a SHA-256 over the digests of the model's files.
func (m TextModel) Digest() string {
	sum := sha256.Sum256([]byte(strings.Join(m.digests, "\n")))
	return hex.EncodeToString(sum[:])
}

// Read reads the model's files.
func (m TextModel) Read() (TextFiles, error) {
	if m.dir == "" {
		lines := strings.ReplaceAll(string(ocrCharacters), "\r", "")
		return TextFiles{ocrDetector, ocrRecogniser, strings.Split(strings.TrimRight(lines, "\n"), "\n")}, nil
	}
	var files [3][]byte
	for i, name := range []string{TextDetectorFile, TextRecogniserFile, TextConfigFile} {
		data, err := regular.Read(filepath.Join(m.dir, name), regular.FollowLinks, MaxSmall)
		if errors.Is(err, fs.ErrNotExist) {
			return TextFiles{}, fmt.Errorf("open model %q: %w: %s", m.Name, ErrMissing, name)
		}
		if err != nil {
			return TextFiles{}, fmt.Errorf("open model %q: %s: %w", m.Name, name, fserr.Cause(err))
		}
		files[i] = data
	}
	characters, err := readCharacters(files[2])
	if err != nil {
		return TextFiles{}, fmt.Errorf("open model %q: %w: %s: %w", m.Name, ErrDamaged, TextConfigFile, err)
	}
	return TextFiles{files[0], files[1], characters}, nil
}

var errNoCharacters = errors.New("it lists no characters")

// readCharacters reads the list of characters in the configuration of a PaddleOCR recogniser (inference.yml: PostProcess.character_dict).
func readCharacters(config []byte) ([]string, error) {
	var c struct {
		PostProcess struct {
			Characters []string `yaml:"character_dict"`
		} `yaml:"PostProcess"`
	}
	if err := yaml.Unmarshal(config, &c); err != nil {
		return nil, errors.New("it is not valid YAML")
	}
	if len(c.PostProcess.Characters) == 0 {
		return nil, errNoCharacters
	}
	return c.PostProcess.Characters, nil
}
