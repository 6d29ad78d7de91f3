package docs_test

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd"
)

// commandLine finds the commands that the example files run.
var commandLine = regexp.MustCompile(`(?m)(?:^ExecStart=|^[0-9*]+ +[0-9*]+ +\* \* \* +)\S*imgsearch ([^\n>|]*)`)

// TestReadyFiles: the commands and flags in the example files exist.
func TestReadyFiles(t *testing.T) {
	t.Setenv("IMGSEARCH_LISTEN", "127.0.0.1:0") // the usual port may be in use
	for _, name := range []string{"imgsearch.service", "crontab", "com.imgsearch.index.plist", "imgsearch-serve.service", "imgsearch-worker.service", "com.imgsearch.serve.plist"} {
		data, err := os.ReadFile(filepath.Join("examples", name))
		if err != nil {
			t.Fatal(err)
		}
		var lines [][]string
		if strings.HasSuffix(name, ".plist") {
			lines = [][]string{plistArguments(t, data)}
		}
		for _, m := range commandLine.FindAllStringSubmatch(string(data), -1) {
			lines = append(lines, strings.Fields(m[1]))
		}
		if len(lines) == 0 {
			t.Errorf("%s runs nothing", name)
		}
		for _, args := range lines {
			// The index does not exist, but errors in the arguments are reported first.
			index := filepath.Join(t.TempDir(), "i.db")
			if args[0] == "worker" {
				index = "postgres://127.0.0.1:1/none"
			}
			args = append([]string{"--index", index, "--ort-lib", "/nowhere"}, args...)
			var errs strings.Builder
			code := cmd.Run(context.Background(), args, cmd.Streams{In: strings.NewReader(""), Out: io.Discard, Err: &errs})
			if code == 2 {
				t.Errorf("%s: %v: %s", name, args, errs.String())
			}
		}
	}
}

// plistArguments returns the arguments in a launchd plist, without the program.
func plistArguments(t *testing.T, data []byte) (args []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(data)))
	inArray, text := false, ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			inArray = inArray || v.Name.Local == "array"
			text = ""
		case xml.CharData:
			text += string(v)
		case xml.EndElement:
			if v.Name.Local == "array" {
				inArray = false
			}
			if inArray && v.Name.Local == "string" {
				args = append(args, text)
			}
		}
	}
	if len(args) < 2 {
		t.Fatal("no arguments")
	}
	return args[1:]
}
