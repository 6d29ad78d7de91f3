package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/socket"
)

const (
	helloPath  = "/hello"
	searchPath = "/search"
	mediaType  = "application/cbor"
	// HelloTime is how long a server may take to say who it is: one that is stopped or overloaded must not hold up a search.
	HelloTime = 50 * time.Millisecond
	// answerTime is how long a server that has said who it is may take to answer: it refuses at once if it is busy.
	answerTime = 3 * time.Second
	// maxAnswer is the size of the largest answer, in bytes.
	maxAnswer = 1 << 30
)

var (
	// ErrOther means that the server is not the same program with the same settings.
	ErrOther = errors.New("the server has another version or other settings")
	// ErrRefused means that the server cannot answer a request.
	ErrRefused = errors.New("the server cannot answer this")
)

// Client asks a server.
type Client struct{ http *http.Client }

// Dial connects to the server of an index, if one answers within HelloTime that has the identity.
func Dial(ctx context.Context, index string, mine Identity) (*Client, error) {
	path, err := Path(index)
	if err != nil {
		return nil, err
	}
	c := &Client{&http.Client{Transport: &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return socket.Dial(ctx, path) },
		DisableCompression: true,
	}}}
	ctx, cancel := context.WithTimeout(ctx, HelloTime)
	defer cancel()
	var theirs Identity
	err = c.ask(ctx, http.MethodGet, helloPath, nil, &theirs)
	if err == nil && theirs != mine {
		err = ErrOther
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Search asks for the answer to a request that does not have Among. Whatever the error is, the caller can search itself.
func (c *Client) Search(ctx context.Context, r query.Request) (*query.Response, error) {
	sent, err := newRequest(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var got response
	if err := c.ask(ctx, http.MethodPost, searchPath, sent, &got); err != nil {
		return nil, err
	}
	return got.answer()
}

// ask sends a value and reads the answer.
func (c *Client) ask(ctx context.Context, method, path string, send, to any) error {
	codec, err := newCodec()
	if err != nil {
		return err
	}
	var body []byte
	if send != nil {
		if body, err = codec.Marshal(send); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", mediaType)
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != mediaType:
		return ErrRefused
	}
	return codec.Unmarshal(data, to)
}

// Close closes the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }
