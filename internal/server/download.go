package server

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	downloadPath = "/download"
	// maxDownload is the number of photos of a download.
	maxDownload = 2000
)

// download sends the photos whose ids a form has, one per line, as a zip file or as a list of paths.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	ids, err := s.chosen(r.Context(), strings.Fields(r.PostFormValue("ids")))
	if err != nil {
		s.showError(w, nil, err)
		return
	}
	if r.PostFormValue("as") == "paths" {
		s.sendPaths(w, r, ids)
		return
	}
	s.sendZip(w, r, ids)
}

// chosen returns the pictures of a download, each once.
func (s *Server) chosen(ctx context.Context, prefixes []string) (ids []store.PictureID, err error) {
	switch {
	case len(prefixes) == 0:
		return nil, invalid("ids", "no photo is selected", "select photos first")
	case len(prefixes) > maxDownload:
		return nil, invalid("ids", fmt.Sprintf("more than %d photos", maxDownload), "select fewer photos")
	}
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	seen := make(map[store.PictureID]bool)
	for _, prefix := range prefixes {
		id, err := find(ctx, ix, prefix)
		if err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// sendPaths sends the path of the first file of each picture, one per line, as the command line prints it.
func (s *Server) sendPaths(w http.ResponseWriter, r *http.Request, ids []store.PictureID) {
	_, engine, done, err := s.Use(r.Context())
	if err != nil {
		s.showError(w, nil, err)
		return
	}
	defer done()
	hits, err := engine.Hits(r.Context(), ids, store.Filter{})
	if err != nil {
		s.showError(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="photos.txt"`)
	w.Header().Set("Cache-Control", "no-store")
	for _, h := range hits {
		_, _ = fmt.Fprintln(w, words.Path(h.Path))
	}
}

// sendZip sends the first file of each picture, unchanged. Photos are compressed already, so they are only stored. What cannot be read is listed in the archive.
func (s *Server) sendZip(w http.ResponseWriter, r *http.Request, ids []store.PictureID) {
	leave, busy := s.limits.files.enter(r.Context())
	if busy != nil {
		s.showError(w, nil, busy)
		return
	}
	defer leave()
	ix, _, done, err := s.Use(r.Context())
	if err != nil {
		s.showError(w, nil, err)
		return
	}
	defer done()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="photos.zip"`)
	w.Header().Set("Cache-Control", "no-store")
	archive := zip.NewWriter(steady{w})
	names := make(map[string]int)
	var missing []string
	for _, id := range ids {
		begun := false
		err := s.eachFile(r.Context(), ix, id, -1, func(f *os.File, of store.FileRecord) error {
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				return err
			}
			begun = true
			return addFile(archive, free(names, safeName(of.Name)), info.ModTime(), f)
		})
		switch {
		case err == nil:
		case begun || r.Context().Err() != nil: // a part of a file must not pass for all of it
			panic(http.ErrAbortHandler)
		default:
			missing = append(missing, id.String())
		}
	}
	if len(missing) > 0 {
		text := "No file of these photos could be read:\n" + strings.Join(missing, "\n") + "\n"
		err = addFile(archive, free(names, "missing.txt"), time.Now(), strings.NewReader(text))
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

func addFile(archive *zip.Writer, name string, at time.Time, from io.Reader) error {
	to, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: at})
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return err
}

// safeName returns a file's name without what is dangerous where the archive is unpacked: separators and drives of any system, control characters, and those
// that change the direction of the text.
func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
}

// free returns a name that is not in use: files of different folders may have the same one.
func free(names map[string]int, name string) string {
	folded := strings.ToLower(name)
	names[folded]++
	if names[folded] == 1 {
		return name
	}
	ext := path.Ext(name)
	return free(names, fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), names[folded], ext))
}
