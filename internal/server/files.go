package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// defaultThumbnail is the longer side, in pixels, of a thumbnail whose size is not given.
const defaultThumbnail = 512

// forever lets browsers keep what cannot change, since its address contains the picture's content as an id; private, since it is one person's photo.
const forever = "private, max-age=31536000, immutable"

func (s *Server) addFiles(api huma.API) {
	thumbnails := operation(http.MethodGet, picturesPath+"/{id}/thumbnail", "thumbnail", "A small JPEG of a picture",
		"Without a size, it is the preview that the index keeps, whose shorter side has 448 pixels, or else one of at most 512 pixels.", http.StatusNotFound)
	binaryAnswer(&thumbnails, "image/jpeg", http.StatusNotModified)
	registerStream(s, api, thumbnails, func(ctx context.Context, in *struct {
		IDParam
		Size  int    `query:"size" minimum:"16" maximum:"1024" doc:"The longer side, in pixels, at most"`
		Match string `header:"If-None-Match" hidden:"true"`
	},
	) (answer, error) {
		return s.thumbnail(ctx, in.ID, in.Size, in.Match)
	})
	images := operation(http.MethodGet, picturesPath+"/{id}/image", "image", "A JPEG of a picture", "Also of formats that browsers do not show.", http.StatusNotFound)
	binaryAnswer(&images, "image/jpeg", http.StatusNotModified)
	registerStream(s, api, images, func(ctx context.Context, in *struct {
		IDParam
		Size  int    `query:"size" minimum:"16" maximum:"2048" default:"2048" doc:"The longer side, in pixels, at most"`
		Match string `header:"If-None-Match" hidden:"true"`
	},
	) (answer, error) {
		return s.image(ctx, in.ID, in.Size, in.Match)
	})
	files := operation(http.MethodGet, picturesPath+"/{id}/file", "file", "The file of a picture, unchanged", "", http.StatusNotFound)
	binaryAnswer(&files, octets, http.StatusNotModified, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable, http.StatusPreconditionFailed)
	registerStream(s, api, files, func(ctx context.Context, in *struct {
		IDParam
		N int `query:"n" default:"-1" minimum:"-1" maximum:"100000" doc:"Which of the picture's files, as /pictures/{id} lists them, from 0 (default: the first that exists)"`
	},
	) (answer, error) {
		return s.file(ctx, in.ID, in.N)
	})
}

// binaryAnswer documents the answers of an operation whose answer is not JSON.
func binaryAnswer(op *huma.Operation, media string, others ...int) {
	content := map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	if media != "image/jpeg" { // the file's own type
		content = map[string]*huma.MediaType{"*/*": content[media]}
	}
	op.Responses["200"] = &huma.Response{Description: http.StatusText(http.StatusOK), Content: content}
	for _, status := range others {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status)}
	}
}

// answer sends what was found. It closes what it holds.
type answer interface {
	send(w http.ResponseWriter, r *http.Request)
}

// registerStream adds an operation whose answer is not JSON.
func registerStream[I any](s *Server, api huma.API, op huma.Operation, find func(ctx context.Context, in *I) (answer, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		found, err := find(ctx, in)
		if err != nil {
			return nil, s.problemOf(err)
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			r, w := humago.Unwrap(c)
			found.send(w, r)
		}}, nil
	})
}

// bytesAnswer is a JPEG.
type bytesAnswer struct {
	jpeg []byte // nil: the client has it
	tag  string // "": it is only a substitute, which is not to be kept
}

func (a bytesAnswer) send(w http.ResponseWriter, r *http.Request) {
	if a.tag == "" {
		w.Header().Set("Cache-Control", "no-store")
	} else {
		w.Header().Set("Etag", a.tag)
		w.Header().Set("Cache-Control", forever)
	}
	if a.jpeg == nil {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.jpeg)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.jpeg)
	}
}

// tag returns the entity tag of a size of a picture.
func tag(id store.PictureID, kind string) string { return `"` + id.String()[:32] + "-" + kind + `"` }

// has reports whether a client's If-None-Match names a tag. A proxy that compresses may have made it a weak one.
func has(match, tag string) bool {
	for one := range strings.SplitSeq(match, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == tag {
			return true
		}
	}
	return false
}

// shown is a picture of the index, with the preview that the index keeps, if any.
type shown struct {
	id      store.PictureID
	preview []byte
}

// lookUp finds a picture that has a file. The preview is read only if wanted.
func (s *Server) lookUp(ctx context.Context, ix store.Store, prefix string, wanted bool) (p shown, err error) {
	done, busy := s.limits.pictures.enter(ctx)
	if busy != nil {
		return p, busy
	}
	defer done()
	if p.id, err = parseID(ctx, ix, prefix); err != nil {
		return p, err
	}
	ids := []store.PictureID{p.id}
	known, err := ix.Pictures(ctx, "", ids)
	if err != nil {
		return p, err
	}
	if !known[p.id].HasFile {
		return p, fmt.Errorf("%w %s", ask.ErrNoPicture, prefix)
	}
	if wanted && known[p.id].Preview {
		previews, err := ix.Previews(ctx, ids)
		p.preview = previews[p.id]
		return p, err
	}
	return p, nil
}

// thumbnail returns a small JPEG of a picture: the index's preview as it is, or one of a size.
func (s *Server) thumbnail(ctx context.Context, prefix string, size int, match string) (answer, error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	p, err := s.lookUp(ctx, ix, prefix, size == 0)
	if err != nil {
		return nil, err
	}
	a := bytesAnswer{tag: tag(p.id, strconv.Itoa(size))}
	if has(match, a.tag) {
		return a, nil
	}
	if p.preview != nil {
		a.jpeg = p.preview
		return a, nil
	}
	if size == 0 {
		size = defaultThumbnail
	}
	if a.jpeg, err = s.thumbs.get(p.id, size, func() ([]byte, error) { return s.shrinkFor(ctx, ix, prefix, size) }); err == nil {
		return a, nil
	}
	return s.substitute(ctx, ix, prefix, size, err)
}

// substitute returns the index's preview of a picture whose files cannot be read, or the error: it is too small, but available.
func (s *Server) substitute(ctx context.Context, ix store.Store, prefix string, size int, err error) (answer, error) {
	if busy, ok := errors.AsType[*Problem](err); ok && busy.Status == http.StatusTooManyRequests {
		return nil, err
	}
	p, previewErr := s.lookUp(ctx, ix, prefix, true)
	if previewErr != nil || p.preview == nil {
		return nil, err
	}
	jpeg, err := s.limited(ctx, func() ([]byte, error) { return fromPreview(p.preview, size) })
	return bytesAnswer{jpeg: jpeg}, err
}

// shrinkFor makes a thumbnail, from the index's preview if that is as good as the file. Others may wait for it too, so it is finished even if the client leaves.
func (s *Server) shrinkFor(ctx context.Context, ix store.Store, prefix string, size int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	p, err := s.lookUp(ctx, ix, prefix, size <= thumbnail.Side)
	if err != nil {
		return nil, err
	}
	return s.limited(ctx, func() ([]byte, error) {
		if p.preview != nil {
			return fromPreview(p.preview, size)
		}
		return s.shrink(ctx, ix, p.id, thumbnail.Box{Width: size, Height: size})
	})
}

func fromPreview(preview []byte, size int) ([]byte, error) {
	return small(thumbnail.Read(bytes.NewReader(preview), int64(len(preview)), thumbnail.Box{Width: size, Height: size}))
}

// limited decodes a picture when few others are decoded.
func (s *Server) limited(ctx context.Context, decode func() ([]byte, error)) ([]byte, error) {
	leave, p := s.limits.images.enter(ctx)
	if p != nil {
		return nil, p
	}
	defer leave()
	return decode()
}

// small encodes a small picture.
func small(img thumbnail.Image, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return thumbnail.JPEG(img)
}

// image returns a JPEG of a picture for a screen.
func (s *Server) image(ctx context.Context, prefix string, size int, match string) (answer, error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	p, err := s.lookUp(ctx, ix, prefix, false)
	if err != nil {
		return nil, err
	}
	a := bytesAnswer{tag: tag(p.id, "i"+strconv.Itoa(size))}
	if has(match, a.tag) {
		return a, nil
	}
	a.jpeg, err = s.limited(ctx, func() ([]byte, error) { return s.shrink(ctx, ix, p.id, thumbnail.Box{Width: size, Height: size}) })
	if err == nil {
		return a, nil
	}
	return s.substitute(ctx, ix, prefix, size, err)
}

// shrink makes a JPEG from the first of a picture's files that can be read.
func (s *Server) shrink(ctx context.Context, ix store.Store, id store.PictureID, box thumbnail.Box) (jpeg []byte, err error) {
	err = s.eachFile(ctx, ix, id, -1, func(f *os.File, _ store.FileRecord) error {
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		jpeg, err = small(thumbnail.Read(f, info.Size(), box))
		return err
	})
	return jpeg, err
}

// eachFile calls use with the picture's files, opened, until one call succeeds; use closes the file. Files that are no longer the picture are left out. If n is
// not below 0, there is only the file with that number.
func (s *Server) eachFile(ctx context.Context, ix store.Store, id store.PictureID, n int, use func(f *os.File, of store.FileRecord) error) error {
	files, err := ix.FilesOf(ctx, []store.PictureID{id})
	if err != nil {
		return err
	}
	roots, err := ix.Roots(ctx)
	if err != nil {
		return err
	}
	list := files[id]
	if len(list) == 0 {
		return fmt.Errorf("%w %s", ask.ErrNoPicture, id)
	}
	query.TwinsLast(list) // as /pictures/{id} lists them
	if n >= len(list) {
		return problem(http.StatusNotFound, notFound, fmt.Sprintf("the picture has no file number %d", n), picturesPath+"/{id} lists the files")
	}
	if n >= 0 {
		list = list[n : n+1]
	}
	for _, of := range list {
		f, err := open(roots, of)
		if err == nil {
			err = use(f, of)
		}
		if err == nil {
			return nil
		}
		s.App.Logf("%s of picture %s: %v", of.Rel(), id, err)
	}
	return problem(http.StatusNotFound, notFound, "no file of this picture can be read now", "connect its disk, or index its folder again")
}

// largest is how much a file may have grown since it was indexed to be compared with what was indexed, in bytes.
const largest = 64 << 20

// errChanged means that a file is not the one that was indexed.
var errChanged = errors.New("the file has changed since it was indexed")

// open opens a file of the index below its root: links out of it are not followed. A file that has changed is opened only if it still shows the same picture.
func open(roots []store.Root, of store.FileRecord) (*os.File, error) {
	i := slices.IndexFunc(roots, func(r store.Root) bool { return r.ID == of.Root })
	if i < 0 || roots[i].Path == "" || roots[i].Elsewhere {
		return nil, fs.ErrNotExist
	}
	dir, err := os.OpenRoot(roots[i].Path)
	if err != nil {
		return nil, err
	}
	defer dir.Close() //nolint:errcheck // it was only read
	f, err := regular.OpenIn(dir, filepath.FromSlash(of.Rel()))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 2*of.Size+largest {
		err = errChanged // without reading it
	}
	if err == nil && !of.Same(store.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}) {
		if err = errChanged; !of.IsTwin { // a twin shares the picture of its JPEG, so its own content does not tell
			err = pictures.Same(f, of.Picture)
		}
	}
	if err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// fileAnswer is a file as it is.
type fileAnswer struct {
	file  *os.File
	info  fs.FileInfo
	of    store.FileRecord
	leave func()
}

// mediaTypes are the types of formats.
var mediaTypes = map[string]string{
	"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp", "tiff": "image/tiff", "heic": "image/heic",
	"avif": "image/avif", "jxl": "image/jxl", "dng": "image/x-adobe-dng", "cr2": "image/x-canon-cr2", "cr3": "image/x-canon-cr3", "nef": "image/x-nikon-nef",
	"arw": "image/x-sony-arw", "raf": "image/x-fuji-raf", "orf": "image/x-olympus-orf", "rw2": "image/x-panasonic-rw2", "pef": "image/x-pentax-pef",
}

func (a fileAnswer) send(w http.ResponseWriter, r *http.Request) {
	defer a.leave()
	defer a.file.Close()
	media, ok := mediaTypes[a.of.Format]
	if !ok {
		media = octets
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "private, no-cache") // the file may change, unlike the picture
	w.Header().Set("Etag", fmt.Sprintf(`"%x-%x"`, a.info.Size(), a.info.ModTime().UnixNano()))
	if disposition := mime.FormatMediaType("inline", map[string]string{"filename": a.of.Name}); disposition != "" {
		w.Header().Set("Content-Disposition", disposition)
	}
	http.ServeContent(steady{w}, r, "", a.info.ModTime(), a.file)
}

// steady gives a client time for each part of an answer instead of for all of it, so that large files arrive over slow lines.
type steady struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController find the connection.
func (s steady) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s steady) Write(data []byte) (int, error) {
	_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTime))
	return s.ResponseWriter.Write(data)
}

// file returns a file of a picture: number n, or the first that exists if n is below 0.
func (s *Server) file(ctx context.Context, prefix string, n int) (found answer, err error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	p, err := s.lookUp(ctx, ix, prefix, false)
	if err != nil {
		return nil, err
	}
	leave, busy := s.limits.files.enter(ctx)
	if busy != nil {
		return nil, busy
	}
	defer func() {
		if found == nil {
			leave()
		}
	}()
	a := fileAnswer{leave: leave}
	err = s.eachFile(ctx, ix, p.id, n, func(f *os.File, of store.FileRecord) (err error) {
		if a.info, err = f.Stat(); err != nil {
			f.Close()
			return err
		}
		a.file, a.of = f, of
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}
