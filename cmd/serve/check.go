package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/words"
)

// checkTime is how long the server may take to say that it is ready.
const checkTime = 5 * time.Second

// errNotReady means that the server does not answer queries.
var errNotReady = errors.New("the server is not ready")

// askReady asks the server at --unix-socket or --listen whether it is ready: for supervisors that run a command.
func (o *options) askReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	network, address := "tcp", o.listen
	if o.unixSocket != "" && !o.listenGiven() {
		network, address = "unix", o.unixSocket
	} else if host, port, err := net.SplitHostPort(o.listen); err != nil {
		return cli.Usage("use a host and a port, such as 127.0.0.1:7463", "invalid value for --listen: %q", o.listen)
	} else if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("localhost", port)
	}
	scheme := "http"
	if o.tlsCert != "" && network == "tcp" {
		scheme = "https"
	}
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // nothing is told to this server but the question
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://localhost/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return &cli.Error{Code: words.Failed, Err: fmt.Errorf("%w: nothing answers at %s", errNotReady, words.Path(address)), Hint: "start it with `imgsearch serve`"}
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &cli.Error{Code: words.Failed, Err: errNotReady, Hint: "it may still be loading its model"}
	}
	return nil
}
