// Package testkit helps tests to find data outside the repository and to generate pictures. It must not know what is
// tested.
package testkit

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Shared returns a path in the team's shared folder (IMGSEARCH_SHARED, by default ../shared next to the repository).
// If it does not exist, the test is skipped.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("IMGSEARCH_SHARED")
	if root == "" {
		root = filepath.Join(Repository(), "..", "shared")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the shared reference data is missing (IMGSEARCH_SHARED): %v", err)
	}
	return path
}

// Captions returns the captions of the team's photos.
func Captions(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile(Shared(t, "photos", "captions.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var captions []string
	for line := range strings.Lines(string(data)) {
		if _, caption, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			captions = append(captions, caption)
		}
	}
	return captions
}

// Repository returns the repository's root folder.
func Repository() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// RuntimeLibrary returns the ONNX Runtime library that IMGSEARCH_ORT_LIB names, or that make downloaded. Without one, the test is
// skipped.
func RuntimeLibrary(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("IMGSEARCH_ORT_LIB"); given != "" {
		return given
	}
	libs, _ := filepath.Glob(filepath.Join(Repository(), "lib", "imgsearch", "*onnxruntime*"))
	if len(libs) == 0 {
		t.Skip("the ONNX Runtime library is missing: run `make test`, which downloads it")
	}
	return libs[0]
}
