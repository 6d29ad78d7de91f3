package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd"
	"github.com/imgsearch/imgsearch/cmd/config"
	"github.com/imgsearch/imgsearch/cmd/internal/cli"
)

// TestConfigTemplate reads the file that `config edit` creates, as it is and with all options uncommented, and the example in the help.
func TestConfigTemplate(t *testing.T) {
	root := newRoot()
	template := string(config.Template(root))
	option := regexp.MustCompile(`(?m)^# ([a-z0-9-]+ = .*)$`)
	if n := len(option.FindAllString(template, -1)); n < 60 {
		t.Errorf("the template has %d options", n)
	}
	example := regexp.MustCompile(`(?s)in a table for each command:\n\n(.*?)\n\nYou can`).FindStringSubmatch(configCommand(root).Long)[1]
	for name, text := range map[string]string{"template": template, "all of it": option.ReplaceAllString(template, "$1"), "help": example} {
		path := filepath.Join(t.TempDir(), "config.toml")
		t.Setenv("IMGSEARCH_CONFIG", path)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := cli.ReadConfig()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if unknown := cli.UnknownSettings(root, read); len(unknown) > 0 {
			t.Errorf("%s: %s", name, strings.Join(unknown, "; "))
		}
		if err := config.CheckValues(newRoot(), read); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func newRoot() *cobra.Command { return cmd.New(cli.New(cli.Streams{})) }

func configCommand(root *cobra.Command) *cobra.Command {
	c, _, _ := root.Find([]string{"config"}) // it exists, or the test fails when it reads the help
	return c
}
