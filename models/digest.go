package models

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/digest"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/models/starter"
)

// Digests maps each file of a model to its SHA-256, in lower-case hex.
type Digests map[string]string

// Digests returns the SHA-256 of every file that decides what the model computes: the files of the layout and those in
// besides, the weight files next to the graphs. The built-in model's digests come from
// its manifest. A folder's files are hashed once and remembered in the file cache (empty: not remembered)
// under their path, size, mtime and inode, so that a search never hashes a model that the index was made with.
func (m Model) Digests(cache string, besides []string) (Digests, error) {
	if m.IsBuiltin() {
		return parseSums(starter.Sums)
	}
	known := readDigestCache(cache)
	sums := make(Digests)
	changed := false
	for _, name := range append(Files(), besides...) {
		path := m.Path(name)
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("hash model: %w: %w", ErrMissing, inFile(name, fserr.Cause(err)))
		}
		key := fmt.Sprintf("%s|%d|%d|%d", path, info.Size(), info.ModTime().UnixNano(), inode(info))
		sum, ok := known[key]
		if !ok {
			if sum, err = digest.File(path); err != nil {
				return nil, fmt.Errorf("hash model: %w", err)
			}
			// A file written within the clock's resolution may change again without a new mtime.
			if time.Since(info.ModTime()) > 2*time.Second {
				known[key], changed = sum, true
			}
		}
		sums[name] = sum
	}
	if changed {
		// The cache only saves time: if it cannot be written (a read-only home), the next run hashes again.
		_ = writeDigestCache(cache, known)
	}
	return sums, nil
}

func parseSums(data []byte) (Digests, error) {
	sums := make(Digests)
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("read model manifest: bad line %q", lines.Text())
		}
		sums[name] = sum
	}
	return sums, lines.Err()
}

func readDigestCache(path string) map[string]string {
	known := make(map[string]string)
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &known) != nil {
		return make(map[string]string)
	}
	return known
}

func writeDigestCache(path string, known map[string]string) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(known, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, data)
}

// VerifyBuiltin compares the files inside the binary with their manifest, which gives the model its identity.
func VerifyBuiltin() error {
	want, err := parseSums(starter.Sums)
	if err != nil {
		return err
	}
	m := Builtin()
	for _, name := range Files() {
		data, err := m.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != want[name] {
			return fmt.Errorf("%w: %s has SHA-256 %s, the manifest says %s", ErrDamaged, name, got, want[name])
		}
	}
	return nil
}
