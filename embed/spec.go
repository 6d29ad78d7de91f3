package embed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/internal/jsonerr"
	"github.com/imgsearch/imgsearch/models"
)

// Spec is the content of a model's small files: everything about it except the weights.
type Spec struct {
	Model      models.Model
	Preprocess preprocess.Config
	Tokens     tokenize.Config
	// Dim is the embedding dimension.
	Dim int
	// Visual and Textual are the inputs and outputs of the towers' graphs.
	Visual, Textual onnx.Signature
	// Digests are the SHA-256 digests of all files. ReadDigests sets them.
	Digests models.Digests
}

// ReadSpec reads a model's configuration. Errors wrap models.ErrMissing or models.ErrDamaged.
func ReadSpec(m models.Model) (Spec, error) {
	s := Spec{Model: m}
	var config struct {
		EmbedDim int `json:"embed_dim"`
		Text     struct {
			ContextLength int            `json:"context_length"`
			Kwargs        map[string]any `json:"tokenizer_kwargs"`
		} `json:"text_cfg"`
	}
	if err := readJSON(m, models.ConfigFile, &config); err != nil {
		return s, err
	}
	var special struct {
		PadToken json.RawMessage `json:"pad_token"`
	}
	if err := readJSON(m, models.TokenizerConfigFile, &special); err != nil {
		return s, err
	}
	pad, err := tokenText(special.PadToken)
	if err != nil {
		return s, damaged(models.TokenizerConfigFile, err)
	}
	data, err := m.ReadFile(models.PreprocessFile)
	if err != nil {
		return s, err
	}
	if s.Preprocess, err = preprocess.Parse(data); err != nil {
		return s, damaged(models.PreprocessFile, err)
	}
	const maxDim, maxContext = 1 << 14, 1 << 14 // far above any published model: 1,152 and 512
	if config.EmbedDim < 1 || config.EmbedDim > maxDim {
		return s, damaged(models.ConfigFile, fmt.Errorf("embed_dim %d", config.EmbedDim))
	}
	if config.Text.ContextLength == 0 {
		config.Text.ContextLength = 77 // open_clip's default
	}
	if config.Text.ContextLength < 3 || config.Text.ContextLength > maxContext {
		return s, damaged(models.ConfigFile, fmt.Errorf("context_length %d", config.Text.ContextLength))
	}
	clean, err := cleaning(config.Text.Kwargs)
	if err != nil {
		return s, damaged(models.ConfigFile, err)
	}
	s.Dim = config.EmbedDim
	s.Tokens = tokenize.Config{
		ContextLength: config.Text.ContextLength,
		PadToken:      pad,
		Canonicalize:  clean == "canonicalize",
	}
	if s.Visual, err = readSignature(m, models.VisualFile); err != nil {
		return s, err
	}
	s.Textual, err = readSignature(m, models.TextualFile)
	return s, err
}

// cleaning reads open_clip's tokenizer options. An unsupported option would change ids, so it is an error that names it.
func cleaning(kwargs map[string]any) (clean string, err error) {
	for name, v := range kwargs {
		switch {
		case name == "clean" && (v == "canonicalize" || v == "whitespace" || v == nil):
			clean, _ = v.(string)
		case name == "strip_sep_token" && (v == false || v == nil):
		default:
			return "", fmt.Errorf("%w: tokenizer_kwargs %s: %v", tokenize.ErrUnsupported, name, v)
		}
	}
	return clean, nil
}

// weightFiles returns the files next to a tower's graph that hold its weights, relative to the model's folder. Exporters
// split graphs above 2 GB, and name those files as they like.
func (s Spec) weightFiles(tower string) []string {
	sig := s.Visual
	if tower == models.TextualFile {
		sig = s.Textual
	}
	names := make([]string, len(sig.Files))
	for i, name := range sig.Files {
		names[i] = path.Join(path.Dir(tower), filepath.ToSlash(name))
	}
	return names
}

// ReadDigests reads the digests of every file that determines what the model computes (models.Model.Digests).
func (s *Spec) ReadDigests(cache string) (err error) {
	s.Digests, err = s.Model.Digests(cache, append(s.weightFiles(models.VisualFile), s.weightFiles(models.TextualFile)...))
	return err
}

// tokenText reads a special token, which is a string or an object that holds one.
func tokenText(data json.RawMessage) (string, error) {
	var text string
	if err := json.Unmarshal(data, &text); err == nil {
		return text, nil
	}
	var token struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(data, &token); err != nil {
		return "", fmt.Errorf("pad_token: %w", err)
	}
	return token.Content, nil
}

func readJSON(m models.Model, name string, v any) error {
	data, err := m.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return damaged(name, err)
	}
	return nil
}

func damaged(name string, err error) error {
	return fmt.Errorf("%w: %s (%w)", models.ErrDamaged, name, jsonerr.Plain(err))
}

// Identity identifies everything that determines the numbers in a vector: it is the SHA-256 over the digests of the model's files,
// the version of our preprocessing, and the precision. An index keeps the vectors of different identities apart.
func (s Spec) Identity(p Precision) string { return s.identity(p, preprocess.Version) }

// EarlierIdentities returns the model's identities under earlier versions of our preprocessing, newest first. Queries embedded
// by its text tower may still be compared with their vectors.
func (s Spec) EarlierIdentities(p Precision) []string {
	var list []string
	for v := preprocess.Version - 1; v >= 1; v-- {
		list = append(list, s.identity(p, v))
	}
	return list
}

func (s Spec) identity(p Precision, version int) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.Digests)) {
		fmt.Fprintf(h, "%s %s\n", s.Digests[name], name)
	}
	fmt.Fprintf(h, "preprocess %d\nprecision %s\n", version, p.recipe())
	return hex.EncodeToString(h.Sum(nil))
}
