package testkit

import (
	"crypto/sha1" //nolint:gosec // Git names its objects by SHA-1
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// HubCommit is the commit of a Hub's main branch.
const HubCommit = "0123456789abcdef0123456789abcdef01234567"

// Hub is a server that implements the Hugging Face hub's protocol: revisions, paged listings, and files that redirect to another
// address. It can be made to misbehave.
type Hub struct {
	*httptest.Server
	// Repository is the name of its only repository.
	Repository string
	// Commit is that of its main branch, HubCommit unless it is changed.
	Commit string

	mu    sync.Mutex
	files map[string][]byte
	lfs   map[string]bool
	// requests counts the requests for a file's bytes, by path.
	requests map[string]int
	// listed has functions that falsify entries of the listing, by path.
	listed map[string]func(entry map[string]any)
	// serve answers requests for a file. If it returns false, the server answers.
	serve func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool
	token string
}

// NewHub serves the files of a folder; those of at least 100 kB are LFS files.
func NewHub(t testing.TB, repository, dir string) *Hub {
	t.Helper()
	h := &Hub{Repository: repository, Commit: HubCommit, files: make(map[string][]byte), lfs: make(map[string]bool), requests: make(map[string]int), listed: make(map[string]func(map[string]any))}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		h.Add(filepath.ToSlash(rel), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = httptest.NewServer(http.HandlerFunc(h.handle))
	t.Cleanup(h.Close)
	return h
}

// Add puts a file into the repository.
func (h *Hub) Add(path string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[path], h.lfs[path] = data, len(data) >= 100_000
}

// Misbehave makes serve answer requests for files. If it returns false, the server answers.
func (h *Hub) Misbehave(serve func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serve = serve
}

// Lie falsifies the entry of a file in the listing.
func (h *Hub) Lie(path string, change func(entry map[string]any)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listed[path] = change
}

// Demand makes the server require a token.
func (h *Hub) Demand(token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.token = token
}

// Requests returns how often a file's bytes were requested.
func (h *Hub) Requests(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests[path]
}

func (h *Hub) handle(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	token := h.token
	h.mu.Unlock()
	api := "/api/models/" + h.Repository
	resolve := "/" + h.Repository + "/resolve/" + h.Commit + "/"
	if path, ok := strings.CutPrefix(r.URL.Path, "/cdn/"+h.Repository+"/"); ok {
		h.file(w, r, path)
		return
	}
	if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
		http.Error(w, "Invalid credentials", http.StatusUnauthorized)
		return
	}
	switch {
	case r.URL.Path == api+"/revision/main" || r.URL.Path == api+"/revision/"+h.Commit:
		fmt.Fprintf(w, `{"id":%q,"sha":%q}`, h.Repository, h.Commit)
	case r.URL.Path == api+"/tree/"+h.Commit:
		h.tree(w, r)
	case strings.HasPrefix(r.URL.Path, resolve):
		path := strings.TrimPrefix(r.URL.Path, resolve)
		h.mu.Lock()
		lfs := h.lfs[path]
		h.mu.Unlock()
		if lfs {
			http.Redirect(w, r, "/cdn/"+h.Repository+"/"+path+"?expires=1", http.StatusFound)
			return
		}
		h.file(w, r, path)
	default:
		http.Error(w, "Repository not found", http.StatusNotFound)
	}
}

// treePage is small, so that listings have several pages.
const treePage = 4

func (h *Hub) tree(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var paths []string
	for path := range h.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(from+treePage, len(paths))
	entries := []map[string]any{{"type": "directory", "oid": "0", "size": 0, "path": "visual"}}
	for _, path := range paths[from:to] {
		data := h.files[path]
		sum := sha256.Sum256(data)
		object := sha1.New() //nolint:gosec // Git names its objects by SHA-1
		fmt.Fprintf(object, "blob %d\x00", len(data))
		object.Write(data)
		entry := map[string]any{"type": "file", "oid": hex.EncodeToString(object.Sum(nil)), "size": len(data), "path": path}
		if h.lfs[path] {
			entry["lfs"] = map[string]any{"oid": hex.EncodeToString(sum[:]), "size": len(data), "pointerSize": 134}
		}
		if change := h.listed[path]; change != nil {
			change(entry)
		}
		entries = append(entries, entry)
	}
	if to < len(paths) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, h.URL, r.URL.Path, to))
	}
	_ = json.NewEncoder(w).Encode(entries)
}

func (h *Hub) file(w http.ResponseWriter, r *http.Request, path string) {
	h.mu.Lock()
	data, ok := h.files[path]
	h.requests[path]++
	serve := h.serve
	h.mu.Unlock()
	if !ok {
		http.Error(w, "Entry not found", http.StatusNotFound)
		return
	}
	if serve != nil && serve(w, r, path, data) {
		return
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
}
