package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConfigTemplate reads the file that `config edit` makes, with all its options uncommented, and the example of its help.
func TestConfigTemplate(t *testing.T) {
	root := newRootCommand(new(App))
	template := string(configTemplate(root))
	option := regexp.MustCompile(`(?m)^# ([a-z0-9-]+ = .*)$`)
	if n := len(option.FindAllString(template, -1)); n < 60 {
		t.Errorf("the template has %d options", n)
	}
	example := regexp.MustCompile(`(?s)in a table for each command:\n\n(.*?)\n\nand by`).FindStringSubmatch(newConfigCommand(new(App)).Long)[1]
	for name, text := range map[string]string{"template": template, "all of it": option.ReplaceAllString(template, "$1"), "help": example} {
		path := filepath.Join(t.TempDir(), "config.toml")
		t.Setenv("IMGSEARCH_CONFIG", path)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := readConfig()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if unknown := unknownSettings(root, config); len(unknown) > 0 {
			t.Errorf("%s: %s", name, strings.Join(unknown, "; "))
		}
		if err := checkValues(config); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOwnFiles(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if there, err := filepath.EvalSymlinks(link); err != nil || there == link {
		t.Skip("links are not resolved here: ", there, err)
	}
	for _, index := range []string{filepath.Join(dir, "idx"), filepath.Join(link, "idx")} {
		own := newOwnFiles(index)
		for name, want := range map[string]bool{
			"idx": true, "idx-wal": true, "idx.lock": true, "idx.inflight": true, "idx.vectors": true, "idx.vectors/a.f16": true, "idx.cache/x": true,
			"idx.jpg": false, "idx2": false, "other/idx": false,
		} {
			if got := own.has(filepath.Join(dir, filepath.FromSlash(name))); got != want {
				t.Errorf("%s of %s: %v", name, index, got)
			}
		}
	}
}
