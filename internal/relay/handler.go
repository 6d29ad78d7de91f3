package relay

import (
	"context"
	"io"
	"net/http"

	"github.com/imgsearch/imgsearch/index/query"
)

// maxRequest is the size of the largest request, in bytes: that of a place in a large country.
const maxRequest = 16 << 20

// Handler answers clients with the help of search; mine returns who this process is now. It says why a request is refused only by its status: the client then searches itself, and finds the reason.
func Handler(mine func() (Identity, error), search func(ctx context.Context, r query.Request) (*query.Response, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+helloPath, func(w http.ResponseWriter, _ *http.Request) {
		identity, err := mine()
		if err != nil {
			w.WriteHeader(http.StatusConflict)
			return
		}
		send(w, identity)
	})
	mux.HandleFunc("POST "+searchPath, func(w http.ResponseWriter, r *http.Request) {
		asked, err := read(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		found, err := search(r.Context(), asked)
		if err != nil {
			w.WriteHeader(http.StatusConflict)
			return
		}
		sent, err := newResponse(found)
		if err != nil {
			w.WriteHeader(http.StatusConflict)
			return
		}
		send(w, sent)
	})
	return mux
}

func read(r *http.Request) (asked query.Request, err error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return asked, err
	}
	codec, err := newCodec()
	if err != nil {
		return asked, err
	}
	var got request
	if err := codec.Unmarshal(data, &got); err != nil {
		return asked, err
	}
	return got.asked()
}

func send(w http.ResponseWriter, value any) {
	codec, err := newCodec()
	var data []byte
	if err == nil {
		data, err = codec.Marshal(value)
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(data)
}
