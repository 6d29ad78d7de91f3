// Package mcp is the command that answers an agent over standard input and output. It must not know what the tools do.
package mcp

import (
	"context"
	"errors"
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/server"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p        *cli.Program
	model    app.ModelChoice
	provider cli.ProviderFlags
	lang     cli.LanguageFlag
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "mcp",
		Short: "Let an agent search your photos",
		Long: `Answer an agent, such as Claude Desktop or an editor, over standard input and output, by the Model Context Protocol. The agent starts this
command itself; docs/mcp.md shows how to configure common clients. For agents on other machines, use ` + "`imgsearch serve --mcp`" + `.

The tools only read: search_photos, find_similar, get_photo, list_facets and index_status. What they return, small pictures included, goes to
the agent, and from there to whoever runs its model.

EXIT STATUS
  0   the agent disconnected, or a signal arrived
  1   failed
  2   usage error
  12  the model or the runtime library is missing or damaged
  14  the index is from a newer version of imgsearch`,
		Example: `  imgsearch mcp
  imgsearch mcp --index ~/archive.db --log-level debug`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	cli.ModelFlags(c.Flags(), &o.model)
	o.provider.Add(c.Flags())
	o.lang.Add(c.Flags())
	return c
}

func (o *options) run(ctx context.Context) error {
	if o.p.InTTY {
		o.p.Notef("waiting for an agent's messages on standard input; docs/mcp.md shows how to configure an agent")
	}
	so := server.Options{App: o.p.App, Version: cli.VersionText(), Door: cli.Door, ReadOnly: true, Log: o.p.ServiceLog()}
	err := o.p.CheckModel(o.model)
	if err != nil {
		return err
	}
	if so.Language, err = o.lang.Choose(); err != nil {
		return err
	}
	if so.Indexing.Provider, err = o.provider.Choose(); err != nil {
		return err
	}
	so.Indexing.Model = o.model
	s, err := server.New(so)
	if err != nil {
		return err
	}
	defer s.Close()
	o.p.Orderly()
	if err := s.Prepare(ctx); err != nil {
		return err
	}
	s.Start(ctx)
	defer s.End()
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-o.p.Stop():
			end()
		case <-ctx.Done():
		}
	}()
	err = s.Agents().Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(o.p.In), Writer: unclosed{o.p.Out}})
	if err == nil || errors.Is(err, io.EOF) || ctx.Err() != nil {
		return nil
	}
	o.p.Logf("%v", err)
	return &cli.Error{Code: words.Failed, Err: errConversation, Hint: "use a client of the Model Context Protocol (docs/mcp.md)"}
}

var errConversation = errors.New("the client sent something that is not a message of the protocol")

// unclosed is standard output, which the end of the conversation does not close.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }
