// Package hub fetches models by the Hugging Face hub's protocol, or from plain addresses, into a models.Store. It resumes
// interrupted downloads and verifies a file before it gets its name. It must not know what the files mean.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrOffline is a request that HF_HUB_OFFLINE forbids.
	ErrOffline = errors.New("downloads are disabled: HF_HUB_OFFLINE is set")
	// ErrDenied is a repository that requires a token, or a different one.
	ErrDenied = errors.New("access denied")
	// ErrNotFound is a repository, revision or file that does not exist.
	ErrNotFound = errors.New("not found")
	// ErrCorrupt is a file whose size or digest differs from the hub's.
	ErrCorrupt = errors.New("file is corrupt")
	// ErrUnreachable is a server that does not respond, or responds only with errors.
	ErrUnreachable = errors.New("the server cannot be reached")
	// ErrBusy is a store that another process is downloading into.
	ErrBusy = errors.New("another process is downloading a model")
	// ErrTaken is a model folder in the store that holds something else.
	ErrTaken = errors.New("the model's folder holds something else")
	// ErrNoSpace is a disk without enough space for the model.
	ErrNoSpace = errors.New("not enough free space")
)

// File is a file as its server describes it.
type File struct {
	// Path is relative to the repository, with slashes.
	Path string
	// Size is in bytes; -1: unknown.
	Size int64
	// SHA256 is the digest of an LFS file, GitSHA1 the object id of any other ("" if unknown), in lower-case hex.
	SHA256, GitSHA1 string
}

// Client makes requests to servers. Its fields must not change after its first use.
type Client struct {
	// Endpoint is the hub's address.
	Endpoint string
	// Token is sent to the hub only, never to a server that it redirects to.
	Token   string
	Offline bool
	HTTP    *http.Client
	// Sleep waits between attempts.
	Sleep func(ctx context.Context, d time.Duration) error
	// Stall is how long a server may send nothing before the request is cancelled.
	Stall time.Duration
	// Notify is called when a failed attempt is about to be repeated: Retry, Restart.
	Notify func(Notice)
}

// NewClient returns a client configured by the environment: HF_ENDPOINT, HF_TOKEN (or the file HF_TOKEN_PATH),
// HF_HUB_OFFLINE, and the usual proxy variables.
func NewClient() *Client {
	endpoint := strings.TrimRight(os.Getenv("HF_ENDPOINT"), "/")
	if endpoint == "" {
		endpoint = "https://huggingface.co"
	}
	token := os.Getenv("HF_TOKEN")
	if path := os.Getenv("HF_TOKEN_PATH"); token == "" && path != "" {
		data, err := os.ReadFile(path)
		if err == nil {
			token = string(data)
		}
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 20 * time.Second}).DialContext,
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ForceAttemptHTTP2:     true,
	}
	return &Client{
		Endpoint: endpoint, Token: strings.TrimSpace(token), Offline: isTrue(os.Getenv("HF_HUB_OFFLINE")),
		HTTP: &http.Client{Transport: transport, CheckRedirect: checkRedirect(endpoint)}, Sleep: sleep, Stall: 60 * time.Second, Notify: func(Notice) {},
	}
}

// checkRedirect follows up to ten redirects, as net/http does, but none from https to plain http.
// The token goes to the hub's own address only: net/http would give it to subdomains and other ports too.
func checkRedirect(endpoint string) func(req *http.Request, via []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if !strings.HasPrefix(req.URL.String(), endpoint+"/") {
			req.Header.Del("Authorization")
		}
		return followRedirect(req, via)
	}
}

func followRedirect(req *http.Request, via []*http.Request) error {
	const most = 10
	if len(via) >= most {
		return fmt.Errorf("stopped after %d redirects", most)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("%s redirects to %s, which is not encrypted", via[0].URL.Host, req.URL.Host)
	}
	return nil
}

// isTrue parses a boolean variable as the hub's own client does.
func isTrue(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Resolve returns the commit that a revision (a branch, a tag, a commit) currently points to.
func (c *Client) Resolve(ctx context.Context, repository, revision string) (string, error) {
	var answer struct {
		SHA string `json:"sha"`
	}
	_, err := c.getJSON(ctx, c.Endpoint+"/api/models/"+repository+"/revision/"+url.PathEscape(revision), &answer)
	if err != nil {
		return "", fmt.Errorf("look up %s, revision %s: %w", repository, revision, err)
	}
	if answer.SHA == "" || strings.Trim(answer.SHA, "0123456789abcdef") != "" {
		return "", fmt.Errorf("look up %s: %w: the hub returned the commit %q", repository, ErrUnreachable, answer.SHA)
	}
	return answer.SHA, nil
}

// maxPages limits a listing: the largest repositories in the catalogue have about a hundred files; a page holds a thousand.
const maxPages = 50

// Tree lists the files of a commit.
func (c *Client) Tree(ctx context.Context, repository, commit string) ([]File, error) {
	var files []File
	next := c.Endpoint + "/api/models/" + repository + "/tree/" + commit + "?recursive=true"
	for range maxPages {
		var page []struct {
			Type string
			OID  string
			Size int64
			Path string
			LFS  *struct {
				OID  string
				Size int64
			}
		}
		header, err := c.getJSON(ctx, next, &page)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", repository, err)
		}
		for _, e := range page {
			if e.Type != "file" || !filepath.IsLocal(filepath.FromSlash(e.Path)) {
				continue
			}
			f := File{Path: e.Path, Size: e.Size, GitSHA1: e.OID}
			if e.LFS != nil {
				f = File{Path: e.Path, Size: e.LFS.Size, SHA256: strings.TrimPrefix(e.LFS.OID, "sha256:")}
			}
			if f.Size < 0 || !isHex(f.GitSHA1, 40) && !isHex(f.SHA256, 64) {
				return nil, fmt.Errorf("list %s: %w: the hub lists no size or digest for %s", repository, ErrCorrupt, e.Path)
			}
			files = append(files, f)
		}
		if next = nextPage(header); next == "" {
			return files, nil
		}
	}
	return nil, fmt.Errorf("list %s: %w: more than %d pages", repository, ErrUnreachable, maxPages)
}

// isHex reports whether s is n hexadecimal digits.
func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }

// nextPage returns the address of a listing's next page, from its Link header (RFC 8288).
func nextPage(h http.Header) string {
	for _, link := range strings.Split(h.Get("Link"), ",") {
		target, params, ok := strings.Cut(link, ";")
		if ok && strings.Contains(params, `rel="next"`) {
			return strings.Trim(strings.TrimSpace(target), "<>")
		}
	}
	return ""
}

// FileURL returns the address of a file of a commit; the hub redirects from it.
func (c *Client) FileURL(repository, commit, path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return c.Endpoint + "/" + repository + "/resolve/" + commit + "/" + strings.Join(parts, "/")
}

// maxJSON limits the size of a response of the hub's API.
const maxJSON = 32 << 20

func (c *Client) getJSON(ctx context.Context, address string, v any) (http.Header, error) {
	var header http.Header
	err := c.retry(ctx, func() (bool, error) {
		resp, cancel, err := c.get(ctx, address, 0)
		if err != nil {
			return false, err
		}
		defer cancel()
		defer resp.Body.Close()
		header = resp.Header
		silence := time.AfterFunc(c.Stall, cancel)
		defer silence.Stop()
		d := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxJSON))
		err = d.Decode(v)
		if err != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) {
			err = fmt.Errorf("no data for %v", c.Stall)
		}
		if err != nil {
			return false, &temporaryError{err: fmt.Errorf("read the response from %s: %w", resp.Request.URL.Host, err)}
		}
		return true, nil
	})
	return header, err
}

// temporaryError is an error worth retrying, after the time that the server asks for.
type temporaryError struct {
	err  error
	wait time.Duration
}

func (e *temporaryError) Error() string { return e.err.Error() }
func (e *temporaryError) Unwrap() error { return e.err }

// maxAttempts is the number of attempts without any progress; the waits between them start at firstWait and double: half a
// minute in all. maxWait limits the wait that a server may ask for.
const (
	maxAttempts = 7
	firstWait   = 500 * time.Millisecond
	maxWait     = 2 * time.Minute
)

// retry calls try until it succeeds, fails for good, or fails maxAttempts times without progress.
func (c *Client) retry(ctx context.Context, try func() (progress bool, err error)) error {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		progress, err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var again *temporaryError
		if !errors.As(err, &again) {
			return err
		}
		if progress {
			attempt, wait = 1, firstWait
		}
		if attempt == maxAttempts {
			return fmt.Errorf("%w: %w (tried %d times)", ErrUnreachable, err, attempt)
		}
		pause := wait
		if again.wait > 0 {
			pause = min(again.wait, maxWait)
		}
		c.Notify(Retry{err, pause})
		if err := c.Sleep(ctx, pause); err != nil {
			return err
		}
		wait *= 2
	}
}

// get requests an address, starting at the byte from. Responses other than 200, 206 and 416 are errors. The caller must
// call cancel when it has finished with the body.
func (c *Client) get(ctx context.Context, address string, from int64) (*http.Response, context.CancelFunc, error) {
	if c.Offline {
		return nil, nil, ErrOffline
	}
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err == nil && req.URL.Scheme != "https" && req.URL.Scheme != "http" {
		err = fmt.Errorf("%w: %q does not start with https://", ErrUnreachable, address)
	}
	if err != nil {
		cancel()
		return nil, nil, err
	}
	req.Header.Set("User-Agent", "imgsearch")
	req.Header.Set("Accept-Encoding", "identity") // the digests are of the uncompressed bytes
	if c.Token != "" && strings.HasPrefix(address, c.Endpoint+"/") {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		cancel()
		var dns *net.DNSError
		if errors.As(err, &dns) && dns.IsNotFound {
			return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err) // retrying does not make the name exist
		}
		return nil, nil, &temporaryError{err: err}
	}
	if err := checkStatus(req, resp); err != nil {
		resp.Body.Close()
		cancel()
		return nil, nil, err
	}
	return resp, cancel, nil
}

func checkStatus(req *http.Request, resp *http.Response) error {
	host := resp.Request.URL.Host
	err := fmt.Errorf("%s returned %s", host, resp.Status)
	redirected := resp.Request.URL.String() != req.URL.String()
	switch code := resp.StatusCode; {
	case code == http.StatusOK, code == http.StatusPartialContent, code == http.StatusRequestedRangeNotSatisfiable:
		return nil
	case redirected && (code == http.StatusForbidden || code == http.StatusNotFound || code == http.StatusGone):
		// The address that the hub redirected to has expired: the hub will return a new one.
		return &temporaryError{err: err}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case code == http.StatusNotFound:
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case code == http.StatusTooManyRequests, code >= 500, code == http.StatusRequestTimeout:
		return &temporaryError{err: err, wait: retryAfter(resp.Header.Get("Retry-After"))}
	}
	return err
}

// retryAfter parses a Retry-After header: seconds or a date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
