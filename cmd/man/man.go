// Package man is the command that writes the manual pages. It must not know what the commands do.
package man

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages to a folder",
		Long: `Write the manual pages of all commands, imgsearch.1 and imgsearch-COMMAND.1, to a folder. The .deb and .rpm packages already install them.

  imgsearch man ~/.local/share/man/man1 && man imgsearch-search

EXIT STATUS
  0 done; 1 failed; 2 usage error`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cli.Usage("pass a folder: `imgsearch man ~/.local/share/man/man1`", "expected one argument, got %d", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return write(p, c.Root(), args[0])
		},
	}
}

func write(p *cli.Program, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage("choose a folder that can be created", "%s: %w", words.Path(dir), fserr.Cause(err))
	}
	n := 0
	var all []*cobra.Command
	cli.EachCommand(root, func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.Long = manualText(c.Long)
		all = append(all, c)
	})
	for _, c := range all {
		page, err := manual(c)
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o644); err != nil {
			return cli.Usage("choose a folder that you can write to", "%w", fserr.Cause(err))
		}
		n++
	}
	p.Notef("wrote %s to %s", english.Count(n, "page"), words.Path(filepath.Clean(dir)))
	return nil
}

// manual returns a command's page. Options are shown with their values as in the help, "--add TERM", instead of with the defaults that
// cobra writes, "--add=[]".
func manual(c *cobra.Command) ([]byte, error) {
	option := regexp.MustCompile(`(?m)^((?:\\fB-\w\\fP, )?\\fB--([a-z0-9-]+)\\fP).*$`)
	var page bytes.Buffer
	// The date comes from SOURCE_DATE_EPOCH in reproducible builds.
	header := &doc.GenManHeader{Section: "1", Source: "imgsearch " + cli.Version(), Manual: "imgsearch"}
	if err := doc.GenMan(c, header, &page); err != nil {
		return nil, err
	}
	return option.ReplaceAllFunc(page.Bytes(), func(line []byte) []byte {
		m := option.FindSubmatch(line)
		f := c.Flag(string(m[2]))
		if f == nil {
			return line
		}
		name, _ := pflag.UnquoteUsage(f)
		switch {
		case name == "":
			return m[1]
		case f.NoOptDefVal != "":
			return append(slices.Clone(m[1]), "[=\\fI"+name+"\\fP]"...)
		}
		return append(slices.Clone(m[1]), " \\fI"+name+"\\fP"...)
	}), nil
}

// manualText converts a help text to Markdown. Headings are lines in capitals; indented lines keep their line breaks.
func manualText(text string) string {
	var b strings.Builder
	was := false // indented
	for line := range strings.Lines(text) {
		indented := strings.HasPrefix(line, "  ")
		trimmed := strings.TrimSpace(line)
		switch {
		case indented && !was:
			b.WriteString("\n    " + line)
		case indented:
			b.WriteString("    " + line)
		case trimmed != "" && trimmed == strings.ToUpper(trimmed) && !strings.ContainsAny(trimmed, "`."):
			b.WriteString("\n# " + line)
		default:
			b.WriteString(line)
		}
		was = indented
	}
	return b.String()
}
