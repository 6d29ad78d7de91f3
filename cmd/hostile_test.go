package cmd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// hostileStrings returns some 300 strings that a terminal would obey, and that a file name may contain.
func hostileStrings() []string {
	var list []string
	for c := 1; c < 0x20; c++ {
		list = append(list, string(rune(c)))
	}
	list = append(list, "\x7f")
	for r := rune(0x80); r <= 0x9f; r++ {
		list = append(list, string(r), string([]byte{byte(r)})) // in UTF-8, and as a terminal of 8 bits reads it
	}
	for _, r := range []rune{0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069} {
		list = append(list, string(r))
	}
	for _, sequence := range []string{
		"[31m", "[2J", "[H", "[1;1H", "[8m", "[?1049h", "[?25l", "[6n", "[c", "[>c", "[21t", "[20t", "[5i", "[4i", "[s", "[u", "[K", "[1A", "[10000b", "[!p", "[200~", "[201~",
		"]0;pwned\a", "]2;pwned\x1b\\", "]52;c;cm0gLXJmIH4=\a", "]8;;http:example.com\a", "]4;0;?\a", "]10;?\a", "]11;#000000\a", "]50;x\a", "]1337;SetMark\a", "]777;notify;a;b\a", "]9;4;1;50\a", "]133;A\a",
		"P$qm\x1b\\", "P+q544e\x1b\\", "Pq#0\x1b\\", "_Gi=1;AAAA\x1b\\", "^pm\x1b\\", "Xsos\x1b\\", "c", "7", "8", "D", "E", "M", "Z", "#8", "(0", ")0", "%G", "=", ">", "n", "o", "|", "}", "~", "6", "9",
	} {
		list = append(list, "\x1b"+sequence, strings.Replace("\u009b"+sequence, "[", "", 1))
	}
	list = append(list,
		"\r\nimgsearch: error: forged", "\nhint: forged", "\n<3>forged", "a\rb", "a\bb", "a\x0eb\x0f", "gpj.\u202ephoto", "\u2066\u2069\u202c", "a\\x1b[31m\x1b[31m", `\x1b[31m`, `\n`, `\\n`, `a\tb`,
		"\x1b", "\x1b\x1b[31m", "\u009d0;pwned\u009c", "\u0090q\u009c", "\x9b31m", "\xc2", "\xc2\x9b\xc2", "\xe2\x80", "\xe2\x80\xae", "é\x9bé", "\xe9\x9b", "😀\u202e😀", "\u0085", "\u00a0", "%s%n", "%!d(string=x)",
		"\x1b[38;5;1mred\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[m", "\x1b[31m\x1b[m", "<b>\x1b</b>", "\"\x1b\"", "'\x1b'", "`\x1b`", "$(\x1b)", "{{\x1b}}", "\t\t\t", "\v\f",
	)
	for i := range 30 {
		list = append(list, fmt.Sprintf("\x1b[%d;%dH\u009b%dm\x9b%dm", i, i, i, i))
	}
	return list
}

// obeyed returns the first place in a text that a terminal would obey, except for line breaks and tabs.
func obeyed(text string) (at string, found bool) {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		bad := false
		switch {
		case r == utf8.RuneError && n == 1:
			bad = text[i] < 0xa0
		case r == '\n' || r == '\t':
		default:
			bad = r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		}
		if bad {
			return text[max(i-60, 0):min(i+60, len(text))], true
		}
		i += n
	}
	return "", false
}

// nameOf returns a file name that contains a hostile string.
func nameOf(i int, hostile string) string {
	return fmt.Sprintf("%03d %s", i, strings.NewReplacer("/", "|", "\x00", "|").Replace(hostile))
}

// TestHostileStrings gives 300 strings that a terminal would obey to every command: as names of files, folders and models, as what files say,
// and as arguments. None may reach the terminal.
func TestHostileStrings(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the file system has no such names")
	}
	hostile := hostileStrings()
	if len(hostile) < 300 {
		t.Fatalf("only %d strings", len(hostile))
	}
	p := scenario.NewProgram(t)
	photos := filepath.Join(t.TempDir(), "photos\x1b[31m")
	fillHostile(t, photos, hostile)
	check := func(args ...string) string {
		t.Helper()
		out, errs, code := p.Run("", args...)
		for name, text := range map[string]string{"stdout": out, "stderr": errs} {
			if at, found := obeyed(text); found {
				t.Errorf("%q, exit %d, %s: %q", args, code, name, at)
			}
			for line := range strings.Lines(text) { // what the strings try to make
				if strings.HasPrefix(line, "imgsearch: error: forged") || strings.HasPrefix(line, "hint: forged") || strings.HasPrefix(line, "<3>forged") {
					t.Errorf("%q, exit %d, %s: a forged line: %q", args, code, name, line)
				}
			}
		}
		return out
	}
	check("index", "--dry-run", photos)
	check("index", "--progress", "plain", photos)
	check("index", "--verbose", "--retry-failed", photos)
	check("index", "--log-format", "journald", "--retry-failed", photos)
	check("index", "--log-format", "json", "--retry-failed", photos)
	sayHostile(t, p.Index, hostile)
	const template = "template={{.Path}} {{.Camera}} {{.Lens}} {{join .Also \", \"}} {{join .Keywords \", \"}} {{printf \"%s %v %q\" .Path .Also .Lens}}"
	for _, format := range []string{"table", "paths", "tsv", "json", "jsonl", template} {
		check("search", "--all-paths", "--top", "1000", "--format", format, "waves")
		check("search", "--sort", "path", "--top", "1000", "--format", format, "--verbose", "--name", "*")
	}
	check("search", "--format", "tsv", "--fields", "path,also,camera,lens,keywords,twins", "waves")
	check("search", "--explain", "waves")
	for _, format := range []string{"table", "paths", "tsv", "json", "jsonl"} {
		check("dupes", "--format", format)
	}
	for _, by := range []string{"camera", "lens", "keyword", "folder", "year"} {
		check("facets", by)
		check("facets", "--format", "tsv", by)
		check("facets", "--json", by)
	}
	check("status")
	check("status", "--failures")
	check("status", "--json", "--failures")
	check("doctor", "--verbose")
	check("export", "--format", "jsonl")
	check("roots", "list")
	checkRaw(t, p, photos)
	hostileModels(t, check, hostile)
	gone := filepath.Join(t.TempDir(), "gone")
	for i, h := range hostile {
		path := filepath.Join(photos, nameOf(i, h)+".jpg")
		check("show", path)
		arg := strings.ReplaceAll(h, "\x00", "")
		for j, args := range [][]string{
			{"search", "--top", arg, "x"}, {"search", "--format", arg, "x"}, {"search", "--from", path + arg, "x"}, {"search", "--image", path + arg}, {"search", "--under", arg, "x"},
			{"search", "--name", arg}, {"search", "--camera", arg}, {"search", "--keyword", arg}, {"search", "--not", arg, "x"}, {"search", "--after", arg}, {"search", "--near", arg},
			{"search", "--like", arg}, {"search", "--html", path + arg + "/x", "--name", "*"}, {"search", "--sort", arg}, {"search", "--model", arg, "x"}, {"search", "--" + arg}, {arg}, {"show", arg},
			{"index", gone + arg}, {"index", "--exclude", "[" + arg, photos}, {"index", "--for", arg}, {"roots", "rm", arg}, {"roots", "move", arg, photos}, {"models", "pull", arg},
			{"models", "pull", "--from", arg, "x"}, {"models", "rm", arg}, {"models", "verify", arg}, {"models", "use", arg}, {"backup", gone + "/" + arg}, {"restore", arg},
			{"embed", "--image", arg}, {"facets", arg}, {"config", arg}, {"doctor", "--max-age", arg}, {"dupes", "--threshold", arg}, {"export", "--output", gone + "/" + arg},
			{"status", "--index", gone + arg}, {"search", "--index", path, "x"},
		} {
			if (i+j)%3 == 0 { // a third of the strings for each command, for time's sake
				check(args...)
			}
		}
		if i%10 == 0 { // the others differ only in the query
			check("search", arg)
			check("search", "--html", filepath.Join(t.TempDir(), nameOf(i, h)+".html"), "--copy-to", filepath.Join(t.TempDir(), nameOf(i, h)), arg)
			check("backup", filepath.Join(t.TempDir(), nameOf(i, h)+".db"))
		}
		hostileConfig(t, check, i, h)
	}
}

// fillHostile writes pictures, broken pictures and sidecars whose names and contents are hostile.
func fillHostile(t *testing.T, photos string, hostile []string) {
	t.Helper()
	picture, err := testkit.Encode("a.jpg", testkit.Picture(1, 64, 48))
	must(t, err)
	must(t, os.MkdirAll(photos, 0o755))
	for i, h := range hostile {
		name := filepath.Join(photos, nameOf(i, h))
		must(t, os.WriteFile(name+".jpg", picture, 0o600))
		switch i % 5 {
		case 0:
			must(t, os.WriteFile(name+" bad.jpg", []byte("\xff\xd8"+h), 0o600))
		case 1:
			must(t, os.WriteFile(name+".jpg.xmp", []byte("<x "+h), 0o600))
		case 2:
			must(t, os.WriteFile(name+".jpg.xmp", []byte(testkit.XMP("3", strings.ToValidUTF8(h, "?"), "beach")), 0o600))
		case 3:
			must(t, os.WriteFile(name+".txt", []byte(h), 0o600))
			must(t, os.Symlink("/nowhere/"+h, name+" link.jpg"))
		case 4:
			must(t, os.MkdirAll(name, 0o755))
			must(t, os.WriteFile(filepath.Join(name, ".imgsearchignore"), []byte("["+h+"\n"), 0o600))
			must(t, os.WriteFile(filepath.Join(name, nameOf(i, h)+".jpg"), picture, 0o600))
		}
	}
}

// sayHostile gives the files in an index hostile cameras, lenses and keywords, as their EXIF could.
func sayHostile(t *testing.T, index string, hostile []string) {
	t.Helper()
	ctx := context.Background()
	ix, err := app.Index{Path: index}.OpenForChanges(ctx)
	must(t, err)
	defer ix.Close()
	tx, err := ix.Begin(ctx)
	must(t, err)
	defer tx.Rollback()
	var files []store.KnownFile
	roots, err := ix.Roots(ctx)
	must(t, err)
	for _, r := range roots {
		folders, err := ix.Folders(ctx, store.Folder{Root: r.ID})
		must(t, err)
		for _, folder := range folders {
			found, err := ix.FilesIn(ctx, r.ID, []string{folder.Dir})
			must(t, err)
			var places []store.Place
			for _, f := range found {
				places = append(places, f.Place)
			}
			known, err := ix.Known(ctx, "", places)
			must(t, err)
			for _, k := range known {
				files = append(files, *k.File)
			}
		}
	}
	for i, f := range files {
		h := hostile[i%len(hostile)]
		f.Camera, f.Lens, f.Keywords = "camera "+h, "lens "+h, []string{"keyword " + h, "beach"}
		must(t, tx.RefreshFile(ctx, f.File, &f.Metadata))
	}
	must(t, tx.Commit(ctx))
}

// checkRaw checks that the paths can be read back from the text formats, and that -0 and raw give them as they are.
func checkRaw(t *testing.T, p scenario.Program, photos string) {
	t.Helper()
	all := []string{"search", "--all-paths", "--top", "1000", "--sort", "path", "--name", "*"}
	raw, _, _ := p.Run("", append(all, "--format", "paths", "--null-output")...)
	want := strings.Split(strings.TrimSuffix(raw, "\x00"), "\x00")
	if len(want) < 300 {
		t.Fatalf("only %d paths", len(want))
	}
	for _, path := range want {
		if _, err := os.Lstat(path); err != nil || !strings.HasPrefix(path, photos) {
			t.Errorf("%q: %v", path, err)
		}
	}
	escaped, _, _ := p.Run("", append(all, "--format", "paths")...)
	var got []string
	for line := range strings.Lines(escaped) {
		got = append(got, unescape(strings.TrimSuffix(line, "\n")))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the paths cannot be read back: %d of %d", len(got), len(want))
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("%q, want %q", got[i], want[i])
			}
		}
	}
	out, _, _ := p.Run("", append(all, "--format", "template={{raw .Path}}{{\"\\x00\"}}{{range raw .Also}}{{.}}{{\"\\x00\"}}{{end}}")...)
	for _, path := range want {
		if !strings.Contains(out, path+"\x00") {
			t.Errorf("not in the raw template: %q", path)
		}
	}
	// In JSON, the value stays the same.
	out, _, _ = p.Run("", "search", "--top", "1000", "--sort", "path", "--name", "*", "--json")
	var found struct {
		Results []struct {
			Path string   `json:"path"`
			Also []string `json:"also"`
		} `json:"results"`
	}
	must(t, json.Unmarshal([]byte(out), &found))
	count := 0
	for _, h := range found.Results {
		for _, path := range append(h.Also, h.Path) {
			if slices.Contains(want, path) {
				count++
			}
		}
	}
	valid := 0
	for _, path := range want {
		if utf8.ValidString(path) {
			valid++
		}
	}
	if count < valid {
		t.Errorf("%d of %d paths in JSON", count, valid)
	}
}

// unescape is the inverse of the escapes in text formats, as documented in docs/json.md.
func unescape(line string) string {
	if !strings.Contains(line, `\`) {
		return line
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) {
			b.WriteByte(line[i])
			continue
		}
		i++
		switch line[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'x':
			c, err := strconv.ParseUint(line[i+1:i+3], 16, 8)
			if err != nil {
				return "not an escape: " + line
			}
			b.WriteByte(byte(c))
			i += 2
		case '\\':
			b.WriteByte('\\')
		default: // no escape
			b.WriteString(line[i-1 : i+1])
		}
	}
	return b.String()
}

// hostileModels puts models with hostile names and manifests into the store.
func hostileModels(t *testing.T, check func(...string) string, hostile []string) {
	t.Helper()
	store := os.Getenv("IMGSEARCH_MODELS")
	for i, h := range hostile {
		dir := filepath.Join(store, nameOf(i, h))
		must(t, os.MkdirAll(dir, 0o755))
		must(t, models.WriteManifest(dir, models.Manifest{
			Schema: 1, Name: "m" + h, Source: "source" + h, Revision: h, Files: map[string]models.ManifestItem{"f" + h: {Size: 1, SHA256: h}, "visual/model.onnx": {Size: 1, SHA256: h}},
		}))
	}
	check("models", "list")
	check("models", "list", "--all")
	check("models", "list", "--json")
	check("models", "verify")
	for i, h := range hostile {
		check("models", "verify", nameOf(i, h))
		check("models", "rm", nameOf(i, h))
		check("models", "rm", "--yes", nameOf(i, h))
	}
}

// hostileConfig writes configurations with a hostile name, value or syntax.
func hostileConfig(t *testing.T, check func(...string) string, i int, h string) {
	t.Helper()
	file := os.Getenv("IMGSEARCH_CONFIG")
	defer os.Remove(file)
	quoted := strconv.Quote(strings.ToValidUTF8(h, "?"))
	quoted = strings.NewReplacer(`\a`, `\u0007`, `\v`, `\u000b`, `\x1b`, `\u001b`, `\x7f`, `\u007f`).Replace(quoted)
	texts := []string{"[search]\ntop = " + quoted + "\n", "[search]\n" + quoted + " = 1\n", "[" + quoted + "]\n", "[search]\nname = [" + quoted + "]\n", h, "x = " + h}
	must(t, os.WriteFile(file, []byte(texts[i%len(texts)]), 0o600))
	check("config", "show")
	check("search", "--top", "1")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
