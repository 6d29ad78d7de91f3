package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/internal/words"
)

// ConfigFile is the contents of the configuration file: by command ("" for the options of all commands) and by option, the values as words.
type ConfigFile struct {
	Path   string
	Exists bool
	values map[string]map[string][]string
}

// ConfigPath returns the path of the configuration file, which need not exist: IMGSEARCH_CONFIG, else imgsearch/config.toml in the
// platform's configuration folder. On macOS a file in ~/.config takes precedence over that folder.
func ConfigPath() (string, error) {
	if path := os.Getenv("IMGSEARCH_CONFIG"); path != "" {
		return filepath.Abs(path)
	}
	if home, err := os.UserHomeDir(); err == nil && runtime.GOOS == "darwin" {
		path := filepath.Join(home, ".config", "imgsearch", "config.toml")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "imgsearch", "config.toml"), nil
}

// AllCommands is the table of the options that all commands have. Without it, the option "index" at the top of the file could not be
// told from the table of the command.
const AllCommands = "all"

// maxConfig is the size of the largest configuration file that is read, in bytes.
const maxConfig = 1 << 20

const hintConfig = "edit it with `imgsearch config edit`; each command has a table, with the option names of the command line"

// ReadConfig reads the configuration file. A missing file is an empty configuration; a file that is not valid TOML is wrong usage.
func ReadConfig() (c ConfigFile, err error) {
	c.values = make(map[string]map[string][]string)
	if c.Path, err = ConfigPath(); err != nil {
		return c, nil //nolint:nilerr // no home folder means no configuration; code that needs a home reports the error
	}
	if c.Path == os.DevNull {
		return c, nil
	}
	data, err := regular.Read(c.Path, regular.FollowLinks, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, Usage("make it readable, or set IMGSEARCH_CONFIG to another file", "configuration %s: %w", words.Path(c.Path), fserr.Cause(err))
	}
	c.Exists = true
	var tables map[string]any
	if err := toml.Unmarshal(data, &tables); err != nil {
		where := ""
		if bad, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ := bad.Position()
			where = fmt.Sprintf(":%d", line)
		}
		return c, Usage(hintConfig, "configuration %s%s: %s", words.Path(c.Path), where, strings.TrimPrefix(err.Error(), "toml: "))
	}
	if err := c.gather("", tables); err != nil {
		return c, Usage(hintConfig, "configuration %s: %w", words.Path(c.Path), err)
	}
	return c, nil
}

// gather adds a table's values; tables inside it are commands.
func (c *ConfigFile) gather(command string, table map[string]any) error {
	for key, value := range table {
		if below, ok := value.(map[string]any); ok {
			name := strings.TrimSpace(command + " " + key)
			if name == AllCommands {
				name = ""
			}
			if err := c.gather(name, below); err != nil {
				return err
			}
			continue
		}
		words, err := configWords(value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if c.values[command] == nil {
			c.values[command] = make(map[string][]string)
		}
		c.values[command][strings.ReplaceAll(key, "_", "-")] = words
	}
	return nil
}

// configWords returns a value as it would be written on the command line. It expands a leading ~/, since no shell does so here.
func configWords(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		if rest, ok := strings.CutPrefix(v, "~/"); ok {
			if home, err := os.UserHomeDir(); err == nil {
				v = filepath.Join(home, rest)
			}
		}
		return []string{v}, nil
	case bool, int64, float64:
		return []string{fmt.Sprint(v)}, nil
	case []any:
		list := []string{}
		for _, one := range v {
			words, err := configWords(one)
			if err != nil || len(words) != 1 {
				return nil, errors.New("expected a list of strings")
			}
			list = append(list, words[0])
		}
		return list, nil
	}
	if date, ok := value.(fmt.Stringer); ok { // TOML has date types
		return []string{date.String()}, nil
	}
	return nil, errors.New("expected a string, a number, true, false or a list of strings")
}
