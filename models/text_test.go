package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestTextDigests checks that the built-in text model's files are those whose digests are stated.
func TestTextDigests(t *testing.T) {
	for i, data := range [][]byte{ocrDetector, ocrRecogniser, ocrCharacters} {
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != builtinTextDigests[i] {
			t.Errorf("file %d has the digest %s", i, got)
		}
	}
	files, err := BuiltinText().Read()
	if err != nil || len(files.Characters) != 6904 || !slices.Contains(files.Characters, "ß") {
		t.Errorf("%d characters, %v", len(files.Characters), err)
	}
}

// TestOpenText checks names of text models, and stored ones that are not complete.
func TestOpenText(t *testing.T) {
	s := Store{t.TempDir()}
	for _, name := range []string{"", TextBuiltinName} {
		if m, err := s.OpenText(name); err != nil || m.Digest() != BuiltinText().Digest() {
			t.Errorf("%q: %+v, %v", name, m, err)
		}
	}
	if _, err := s.OpenText("nosuch"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	const name = "ppocr-v6-small"
	if _, err := s.OpenText(name); !errors.Is(err, ErrNotInstalled) {
		t.Error(err)
	}
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.Path(name), file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.Path(name), 0o700); err != nil {
		t.Fatal(err)
	}
	write(ManifestFile, "{")
	if _, err := s.OpenText(name); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	write(ManifestFile, `{"files": {"det.onnx": {"sha256": "a"}, "rec.onnx": {"sha256": "b"}}}`)
	if _, err := s.OpenText(name); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	write(ManifestFile, `{"files": {"det.onnx": {"sha256": "a"}, "rec.onnx": {"sha256": "b"}, "rec.yml": {"sha256": "c"}}}`)
	m, err := s.OpenText(name)
	if err != nil || m.Digest() == BuiltinText().Digest() {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := m.Read(); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	write(TextDetectorFile, "d")
	write(TextRecogniserFile, "r")
	for _, bad := range []string{"", "a: [", "PostProcess: {character_dict: []}", "PostProcess: 3"} {
		write(TextConfigFile, bad)
		if _, err := m.Read(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	write(TextConfigFile, "PostProcess:\n  name: CTC\n  character_dict:\n  - '1'\n  - ''''\n  - あ\n  - \"\\u3000\"\n")
	files, err := m.Read()
	if err != nil || !slices.Equal(files.Characters, []string{"1", "'", "あ", "\u3000"}) || string(files.Recogniser) != "r" {
		t.Errorf("%+v, %v", files, err)
	}
}
