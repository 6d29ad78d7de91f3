// Package serve is the command that answers over HTTP. It must not know how requests are answered.
package serve

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/server"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p               *cli.Program
	listen          string
	unixSocket      string
	tokenFile       string
	hosts           []string
	tlsCert, tlsKey string
	allow           []string
	readOnly        bool
	watch           bool
	every           time.Duration
	metrics         bool
	mcp             bool
	check           bool
	model           app.ModelChoice
	withModels      []string
	provider        cli.ProviderFlags
	lang            cli.LanguageFlag
	indexing        cli.IndexingFlags
	listenGiven     func() bool
}

// defaultListen is only reachable from this machine.
const defaultListen = "127.0.0.1:7463"

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve searches and indexing over HTTP",
		Long: `Answer searches over HTTP, and index folders in the background (docs/serve.md, docs/api.md). The model is loaded and tested before
the first request is answered, and stays in memory. Without an index, the server starts empty.

By default, only programs on this machine reach the server, without a password: every user of the machine can search the photos. With
--token-file, requests need a token; other addresses than those of this machine require one. --unix-socket restricts it to your own programs.

Sessions index only folders in the index, and in folders given with --allow. The other options for indexing mean the same as for
` + "`imgsearch index`" + `; use the same ones there. A session and ` + "`imgsearch index`" + ` never run at once: a session waits, and the
command exits with 11.

EXIT STATUS
  0   stopped by a signal
  1   failed; with --check, the server is not ready
  2   usage error
  11  another server works on the sessions of this index (use --read-only for a second one)
  12  the model or the runtime library is missing or damaged
  14  the index is from a newer version of imgsearch`,
		Example: `  imgsearch serve
  imgsearch serve --allow ~/Pictures --watch
  imgsearch serve --listen 0.0.0.0:7463 --token-file ~/.imgsearch-token --host nas --tls-cert nas.pem --tls-key nas.key
  curl 'http://127.0.0.1:7463/api/v1/search?q=dog+on+beach'`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.listenGiven = func() bool { return c.Flags().Changed("listen") }
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.listen, "listen", defaultListen, "answer at `ADDRESS`, a host and a port")
	f.StringVar(&o.unixSocket, "unix-socket", "", "answer at the Unix socket `FILE`, for your own programs only, instead of --listen (give both for both)")
	f.StringVar(&o.tokenFile, "token-file", "", "require the token in `FILE`; if there is none, create one and print it")
	f.StringArrayVar(&o.hosts, "host", nil, "also answer requests for the host `NAME` (may be repeated)")
	f.StringVar(&o.tlsCert, "tls-cert", "", "encrypt with the certificate in `FILE` (PEM); a renewed one is used without a restart")
	f.StringVar(&o.tlsKey, "tls-key", "", "private key of --tls-cert, in `FILE`")
	f.StringArrayVar(&o.allow, "allow", nil, "let clients index `DIR` and folders below it (may be repeated)")
	f.BoolVar(&o.readOnly, "read-only", false, "do not index, and write nothing into the index")
	f.BoolVar(&o.watch, "watch", false, "update the index whenever something changes")
	f.DurationVar(&o.every, "every", 0, "update the index every `DURATION`, such as 6h")
	f.BoolVar(&o.metrics, "metrics", false, "serve metrics for Prometheus at /metrics")
	f.BoolVar(&o.mcp, "mcp", false, "serve tools for agents at /mcp, by the Model Context Protocol (docs/mcp.md)")
	f.BoolVar(&o.check, "check", false, "ask the server at --listen or --unix-socket whether it is ready, and exit with 0 or 1")
	cli.ModelFlags(f, &o.model)
	f.StringArrayVar(&o.withModels, "with-model", nil, "also load model `NAME`, which requests can choose (may be repeated)")
	o.provider.Add(f)
	o.lang.Add(f)
	o.indexing.Add(f)
	return c
}

// leastEvery keeps sessions from following each other without a pause.
const leastEvery = time.Minute

// chosen validates the command line and returns what to serve.
func (o *options) chosen() (s server.Options, err error) {
	switch {
	case o.readOnly && (o.watch || o.every > 0 || len(o.allow) > 0):
		return s, cli.Usage("use only one of them", "--read-only cannot be combined with --watch, --every or --allow")
	case o.every < 0 || o.every > 0 && o.every < leastEvery:
		return s, cli.Usage("use a duration of at least 1m, such as 6h", "invalid value for --every: %v", o.every)
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return s, cli.Usage("give both", "--tls-cert and --tls-key need each other")
	}
	for _, dir := range o.allow {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return s, err
		}
		if info, err := os.Stat(abs); err != nil || !info.IsDir() {
			return s, cli.Usage("check the path", "--allow: no such folder: %s", words.Path(dir))
		}
		s.Allow = append(s.Allow, abs)
	}
	for _, name := range o.hosts {
		if strings.ContainsAny(name, ":/ ") || name == "" {
			return s, cli.Usage("use a name without a scheme and a port, such as nas.local", "invalid value for --host: %q", name)
		}
		s.Hosts = append(s.Hosts, strings.TrimSuffix(strings.ToLower(name), "."))
	}
	if s.Indexing, err = o.indexing.Choose(); err != nil {
		return s, err
	}
	for _, m := range append([]app.ModelChoice{o.model}, choices(o.withModels)...) {
		if err := o.p.CheckModel(m); err != nil {
			return s, err
		}
	}
	if s.Language, err = o.lang.Choose(); err != nil {
		return s, err
	}
	if s.Indexing.Provider, err = o.provider.Choose(); err != nil {
		return s, err
	}
	s.Indexing.Model = o.model
	s.App, s.Version, s.Door, s.Models, s.Log = o.p.App, cli.VersionText(), cli.Door, choices(o.withModels), o.p.ServiceLog()
	s.ReadOnly, s.Watch, s.Every, s.Metrics, s.MCP, s.Secure = o.readOnly, o.watch, o.every, o.metrics, o.mcp, o.tlsCert != ""
	return s, nil
}

func choices(names []string) (list []app.ModelChoice) {
	for _, name := range names {
		list = append(list, app.ModelChoice{Name: name})
	}
	return list
}

// patience is how long the server may take to end after SIGTERM.
const patience = 10 * time.Second

func (o *options) run(ctx context.Context) error {
	if o.check {
		return o.askReady(ctx)
	}
	so, err := o.chosen()
	if err != nil {
		return err
	}
	if so.Token, err = o.token(); err != nil {
		return err
	}
	listeners, shown, err := o.listeners(ctx, so.Token != "")
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	s, err := server.New(so)
	if err != nil {
		return err
	}
	defer s.Close()
	o.p.OrderlyWithin(patience)
	at, err := o.p.App.Index()
	if err != nil {
		return err
	}
	o.p.OnAbandon(func() {
		// Files that are being read when the process ends at once have not crashed it.
		for _, path := range index.Journals(at.Journal()) {
			os.Remove(path)
		}
	})
	stop := make(chan struct{})
	end := sync.OnceFunc(func() { close(stop) })
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listeners, stop) }() // says that it is not ready yet
	prepared := make(chan error, 1)
	go func() { prepared <- s.Prepare(ctx) }()
	select {
	case err = <-prepared:
	case err := <-served:
		return err
	case <-o.p.Stop():
		end()
		return <-served
	}
	if err != nil {
		end()
		return errors.Join(explained(err), <-served)
	}
	s.Start(ctx)
	o.p.Notef("ready at %s", strings.Join(shown, " and "))
	select {
	case err = <-served:
		return err
	case <-o.p.Stop():
		o.p.Notef("stopping")
	}
	end()
	return <-served
}

// explained adds what to do about an error of the server.
func explained(err error) error {
	if errors.Is(err, jobs.ErrTaken) {
		return &cli.Error{Code: words.Busy, Err: err, Hint: "stop the other server, or start this one with --read-only"}
	}
	return err
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // the server has closed most of them
	}
}
