package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/net/netutil"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/socket"
	"github.com/imgsearch/imgsearch/internal/words"
)

// maxConnections leaves files for the index where a process may have 4,096, as is usual.
const maxConnections = 2048

// listeners returns where to answer: at sockets that systemd has opened, or else at --listen and --unix-socket; and how to tell the user.
func (o *options) listeners(ctx context.Context, hasToken bool) (list []net.Listener, shown []string, err error) {
	list, err = activation.Listeners()
	if err != nil {
		return nil, nil, fmt.Errorf("take over systemd's sockets: %w", err)
	}
	for i, l := range list {
		switch l.(type) {
		case *net.TCPListener, *net.UnixListener:
		default:
			return nil, nil, cli.Usage("use ListenStream= in the socket unit", "socket %d from systemd accepts no connections", i)
		}
	}
	switch {
	case len(list) == 0:
		list, err = o.open(ctx)
	case o.listenGiven() || o.unixSocket != "":
		return nil, nil, cli.Usage("omit --listen and --unix-socket, or start without the socket unit", "systemd has opened the sockets already")
	}
	if err != nil {
		return nil, nil, err
	}
	config, err := o.tls()
	if err != nil {
		closeAll(list)
		return nil, nil, err
	}
	for i, l := range list {
		list[i] = netutil.LimitListener(l, maxConnections)
		at, isTCP := l.Addr().(*net.TCPAddr)
		if !isTCP {
			shown = append(shown, "unix socket "+words.Path(l.Addr().String()))
			continue
		}
		if !at.IP.IsLoopback() && !hasToken {
			closeAll(list)
			return nil, nil, cli.Usage("add --token-file FILE, and --tls-cert and --tls-key unless the network is yours alone", "%s can be reached from other machines, so it needs a token", at)
		}
		scheme := "http"
		if config != nil {
			scheme, list[i] = "https", tls.NewListener(list[i], config)
		}
		shown = append(shown, scheme+"://"+at.String())
	}
	return list, shown, nil
}

// open opens --listen and --unix-socket.
func (o *options) open(ctx context.Context) (list []net.Listener, err error) {
	if o.unixSocket != "" {
		l, err := openSocket(ctx, o.unixSocket)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
		if !o.listenGiven() {
			return list, nil
		}
	}
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		closeAll(list)
		return nil, cli.Usage("use a host and a port, such as 127.0.0.1:7463", "invalid value for --listen: %q", o.listen)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		closeAll(list)
		return nil, cli.Usage("choose another address or port, or stop the program that uses it", "--listen %s: %w", o.listen, socket.Cause(err))
	}
	return append(list, l), nil
}

// openSocket opens --unix-socket.
func openSocket(ctx context.Context, path string) (net.Listener, error) {
	l, err := socket.Listen(ctx, path)
	switch {
	case errors.Is(err, socket.ErrLong):
		return nil, cli.Usage(fmt.Sprintf("use a path of at most %d bytes", socket.MaxPath), "--unix-socket: the path is too long")
	case errors.Is(err, socket.ErrInUse):
		return nil, cli.Usage("stop the program that uses it, or choose another path", "--unix-socket: %s is in use", words.Path(path))
	case errors.Is(err, socket.ErrNotSocket):
		return nil, cli.Usage("choose another path", "--unix-socket: %s exists and is not a socket", words.Path(path))
	case err != nil:
		return nil, cli.Usage("choose a path in a folder that you can write to", "--unix-socket %s: %w", words.Path(path), err)
	}
	return l, nil
}

// tls returns how to encrypt; nil if that is not wanted.
func (o *options) tls() (*tls.Config, error) {
	if o.tlsCert == "" {
		return nil, nil //nolint:nilnil // no encryption, no error
	}
	c := &certificate{cert: o.tlsCert, key: o.tlsKey}
	if _, err := c.current(); err != nil {
		return nil, cli.Usage("use PEM files of a certificate and its private key", "--tls-cert, --tls-key: %w", fserr.Cause(err))
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current() },
	}, nil
}

// certificate is read again when its file changes, as when it is renewed.
type certificate struct {
	cert, key string

	mu     sync.Mutex
	loaded *tls.Certificate
	of     time.Time
}

func (c *certificate) current() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.of) {
		return c.loaded, nil
	}
	pair, loadErr := tls.LoadX509KeyPair(c.cert, c.key)
	if loadErr != nil || err != nil {
		if c.loaded != nil { // the files are being replaced
			return c.loaded, nil
		}
		return nil, errors.Join(err, loadErr)
	}
	c.loaded, c.of = &pair, info.ModTime()
	return c.loaded, nil
}
