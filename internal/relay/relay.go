// Package relay passes searches of one process to another that has the model in memory: from the command line to a server, over a socket beside the index.
// The answer is the one that the asking process would have found itself; where that is not certain, it gets an error and answers itself. The package must not
// know how searches are answered or printed.
package relay

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/socket"
)

var (
	// ErrSystem means that the system does not tell whose process answers at a socket.
	ErrSystem = errors.New("this system does not say whose program answers at a socket")
	// ErrNetwork means that the index is on a network disk, which other machines share.
	ErrNetwork = errors.New("the index is on a network disk")
)

// Path returns the path of the socket of an index. The error says why there can be none.
func Path(index string) (path string, err error) {
	path = index + ".sock"
	switch {
	case !socket.IsAvailable:
		err = ErrSystem
	case len(path) > socket.MaxPath:
		err = socket.ErrLong
	case disk.OnNetwork(filepath.Dir(index)):
		err = ErrNetwork
	}
	return path, err
}

// Identity is what two processes must have in common to give the same answers, besides the index and the model.
type Identity struct {
	// Version is the program's.
	Version string
	// Provider is where models run, as the user has chosen it.
	Provider string
	// Namespace names the processes that see the same files.
	Namespace string
	// Index is the file of the index: a folder that is renamed takes the socket with it.
	Index string
}

// NewIdentity returns the identity of this process, for the index at a path.
func NewIdentity(version, provider, index string) (Identity, error) {
	file, err := socket.FileID(index)
	return Identity{version, provider, socket.Namespace(), file}, err
}

// errPicture means that a request has a picture that the other process cannot read.
var errPicture = errors.New("the picture is not in a file")

// request is a query.Request as it is sent. A picture is sent as the path of its file.
type request struct {
	query.Request

	// Pictures are the paths of the terms' pictures; "" for the others.
	Pictures []string
}

func newRequest(r query.Request) (sent request, err error) {
	sent = request{r, make([]string, len(r.Terms))}
	sent.Terms = append([]query.Term{}, r.Terms...)
	for i, t := range r.Terms {
		sent.Terms[i].Picture = nil
		if t.Picture == nil {
			continue
		}
		p, ok := t.Picture.(*pictures.Term)
		if !ok || !filepath.IsAbs(p.Path) {
			return sent, errPicture
		}
		sent.Pictures[i] = p.Path
	}
	return sent, nil
}

// asked returns the request with its pictures.
func (r request) asked() (query.Request, error) {
	if len(r.Pictures) != len(r.Terms) {
		return r.Request, errPicture
	}
	for i, path := range r.Pictures {
		if path != "" {
			r.Terms[i].Picture = &pictures.Term{Path: path}
		}
	}
	return r.Request, nil
}

// response is a query.Response as it is sent, with the notices by kind.
type response struct {
	query.Response

	Notices []notice
}

// notice is one of the engine's notices; one field is set.
type notice struct {
	PartlyEmbedded *query.PartlyEmbedded
	WantedModel    *query.WantedModel
	PartlyRead     *query.PartlyRead
	NoLanguage     *query.NoLanguage
	FileDamaged    *query.VectorFileDamaged
	VectorsDamaged *query.VectorsDamaged
}

// errNotice means that an answer has a notice that cannot be sent.
var errNotice = errors.New("unknown notice")

func newResponse(r *query.Response) (sent response, err error) {
	sent.Response = *r
	sent.Response.Notices = nil
	for _, n := range r.Notices {
		var one notice
		switch n := n.(type) {
		case query.PartlyEmbedded:
			one.PartlyEmbedded = &n
		case query.WantedModel:
			one.WantedModel = &n
		case query.PartlyRead:
			one.PartlyRead = &n
		case query.NoLanguage:
			one.NoLanguage = &n
		case query.VectorFileDamaged:
			one.FileDamaged = &n
		case query.VectorsDamaged:
			one.VectorsDamaged = &n
		default:
			return sent, errNotice
		}
		sent.Notices = append(sent.Notices, one)
	}
	return sent, nil
}

// answer returns the response with its notices.
func (r response) answer() (*query.Response, error) {
	for _, n := range r.Notices {
		var one query.Notice
		switch {
		case n.PartlyEmbedded != nil:
			one = *n.PartlyEmbedded
		case n.WantedModel != nil:
			one = *n.WantedModel
		case n.PartlyRead != nil:
			one = *n.PartlyRead
		case n.NoLanguage != nil:
			one = *n.NoLanguage
		case n.FileDamaged != nil:
			one = *n.FileDamaged
		case n.VectorsDamaged != nil:
			one = *n.VectorsDamaged
		default:
			return nil, errNotice
		}
		r.Response.Notices = append(r.Response.Notices, one)
	}
	return &r.Response, nil
}

// codec writes and reads values as CBOR (RFC 8949), which, unlike JSON, has infinity, and texts of any bytes: a path need not be UTF-8.
type codec struct {
	cbor.EncMode
	cbor.DecMode
}

// maxList is the length of the longest list that is read: of hits, or of the towns in a country.
const maxList = 1 << 24

var newCodec = sync.OnceValues(func() (c codec, err error) {
	if c.EncMode, err = (cbor.EncOptions{}).EncMode(); err != nil {
		return c, err
	}
	c.DecMode, err = cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid, MaxArrayElements: maxList}.DecMode()
	return c, err
})
