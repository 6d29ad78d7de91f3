package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// block is a block of commands in a page.
var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// stubs replace interactive programs, such as fzf; they read their input.
var stubs = map[string]string{
	"fzf": "#!/bin/sh\nhead -n 1\n",
}

// reader runs the commands of a page as a user would: with a folder of photos, the real program and a shell.
type reader struct {
	home string
	env  []string
}

func newReader(t *testing.T) reader {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the pages are written for a Unix shell")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell: ", err)
	}
	library := testkit.RuntimeLibrary(t)
	home, bin := t.TempDir(), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "imgsearch"), "../cmd/imgsearch")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, script := range stubs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"2023/IMG_1.jpg", "2023/IMG_2.jpg", "2024/IMG_3.jpg", "with spaces/ä.png", "2024/IMG_3 small.jpg"} {
		path := filepath.Join(home, "Pictures", filepath.FromSlash(name))
		picture := testkit.Picture(i, 320, 240)
		if strings.Contains(name, "small") {
			picture = testkit.Picture(2, 160, 120)
		}
		data, err := testkit.Encode(path, picture)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			data = testkit.InsertSegment(data, 0xe1, testkit.CameraEXIF{Camera: "Canon EOS R5", Lens: "RF50mm", Taken: "2023:07:01 12:00:00"}.Segment())
			data = testkit.InsertSegment(data, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00"+testkit.XMP("4", "family")))
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return reader{home, []string{"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH"), "IMGSEARCH_ORT_LIB=" + library}}
}

// run runs commands in the reader's home and checks the exit code. ran is false if a tool is not installed.
func (r reader) run(t *testing.T, code int, script string) (printed string, ran bool) {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil && strings.Contains(script, "| jq ") {
		t.Logf("skipped, jq is not installed:\n%s", script)
		return "", false
	}
	c := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	c.Dir, c.Env = r.home, r.env
	out, err := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Errorf("exit status %d (%v), want %d, in\n%s\n%s", got, err, code, script, out)
	}
	return string(out), true
}

// step is a command of docs/usage.md, by its beginning, with what it must print or write.
type step struct {
	command string
	prints  string // a regular expression that both streams together must match
	file    string // a file in the home, which may be a pattern; "" for none
	holds   string // a regular expression that its content must match
}

// steps are all commands of docs/usage.md, in the page's order.
var steps = []step{
	{"imgsearch index ~/Pictures", `5 added`, "", ""},
	{"imgsearch search dog on beach", `(?s)nothing looks like dog on beach.*\n  1  -?0\.\d{4}  .*\n  5  `, "", ""},
	{`imgsearch search --top 20 "a birthday cake`, `(?s)^  1  0\.\d{4}  .*\n  5  `, "", ""},
	{"imgsearch search beach --add", `(?s)^  1  -?0\.\d{4}  .*\n  5  `, "", ""},
	{"imgsearch search --image", `^  1  1\.0000  .*2023/IMG_1\.jpg\n`, "", ""},
	{"imgsearch search --like", `^  1  0\.\d{4}  .*2023/IMG_2\.jpg\n`, "", ""},
	{"imgsearch search --taken 2023 --type jpg", `  1  -?0\.\d{4}  .*2023/IMG_1\.jpg\n$`, "", ""},
	{"imgsearch search --rating 3..", `^  1  2023-07-01  .*2023/IMG_1\.jpg\n$`, "", ""},
	{"imgsearch search --after", `^  1  2023-07-01  .*2023/IMG_1\.jpg\n$`, "", ""},
	{"imgsearch search --near", `no matching photos`, "", ""},
	{"imgsearch search invoice", `(?s)nothing looks like invoice.*\n  5  `, "", ""},
	{`imgsearch search --text "invoice`, `no matching photos`, "", ""},
	{"imgsearch search --person anna", `no matching photos`, "", ""},
	{"imgsearch search --keyword 'album", `no matching photos`, "", ""},
	{"imgsearch index --ocr on", `5 unchanged`, "", ""},
	{"imgsearch facets place", `^ +5  -\n$`, "", ""},
	{"imgsearch label\n", `of 5 pictures have one or more of 200 labels`, "", ""},
	{"imgsearch facets label", `\d  `, "", ""},
	{"imgsearch search --label beach", ``, "", ""},
	{"imgsearch label --off", `all labels are removed`, "", ""},
	{"imgsearch export --xmp ~/sidecars --dry-run", `/sidecars/Pictures/2023/IMG_1\.jpg\.xmp\n(?s:.*)would write 1 sidecar`, "", ""},
	{"imgsearch export --xmp ~/sidecars", `wrote 1 sidecar`, "sidecars/Pictures/2023/IMG_1.jpg.xmp", `<rdf:li>family</rdf:li>`},
	{"imgsearch search --top 50 --html", `wrote 5 photos to .*/beach\.html`, "beach.html", `(?s)^<!doctype html>.*IMG_2\.jpg`},
	{"imgsearch search --preview=blocks", `(?s)▀.*\n1  .*2  .*\n  5  `, "", ""},
	{"imgsearch search --link-to", `linked 5 photos`, "found/01-*", `.`},
	{"imgsearch search --confident", `no dog here\n$`, "", ""},
	{"find ~/Pictures -mtime", `5 unchanged`, "", ""},
	{"find ~/Pictures -name", `(?s)\n  1  .*\.jpg\n.*\n  4  .*\.jpg\n$`, "", ""},
	{"mkdir -p ~/cakes", ``, "cakes/ä.png", `PNG`},
	{"imgsearch search --json \"a birthday cake", `(?m)/Pictures/2024/IMG_3\.jpg$`, "", ""},
	{"imgsearch search --json dog | jq -r '.threshold", `^$`, "", ""},
	{"imgsearch search --format jsonl", `^2023-07-01T12:00:00\t.*/2023/IMG_1\.jpg\n$`, "", ""},
	{"imgsearch search --top 200", `(?m)^/.*/Pictures/.*\.(jpg|png)\n$`, "", ""},
	{"imgsearch search --format template", `(?m)^1 -?0\.\d\d /.*\.jpg$`, "", ""},
	{`printf 'dog`, ``, "answers.jsonl", `(?s)"line":1,"query":"dog".*\n.*"line":2,"query":"birthday cake"`},
	{"imgsearch embed", ``, "query.json", `"dim":256,"text":"dog on beach","vector":\[`},
	{"imgsearch export --format npy", ``, "vectors.jsonl", `^(\{"schema":1,.*"path":.*\n){5}$`},
	{"imgsearch show", `(?s)camera +Canon EOS R5.*rating +4 of 5.*keywords +family`, "", ""},
	{"imgsearch facets camera", `1  Canon EOS R5\n`, "", ""},
	{"imgsearch facets keyword", `^ +1  family\n$`, "", ""},
	{"imgsearch search --rating 4..", `^/.*/2023/IMG_1\.jpg\tCanon EOS R5\tfamily\n$`, "", ""},
	{"imgsearch dupes\n", `(?s)2024/IMG_3\.jpg\n.*2024/IMG_3 small\.jpg\n`, "", ""},
	{"imgsearch dupes --threshold", ``, "dupes.json", `IMG_3 small\.jpg`},
	{"imgsearch index --watch", `watching`, "", ""},
	{"mv ", `^$`, "", ""},
	{"imgsearch roots move", `/Photos`, "", ""},
	{"imgsearch index", `5 unchanged`, "", ""},
	{"imgsearch models list", `(?m)^starter +built in .* en$`, "", ""},
	{"imgsearch status", `(?m)^folders +/.*/Photos$`, "", ""},
	{"imgsearch backup", `photos-index\.db`, "photos-index.db", `^SQLite format 3`},
	{"imgsearch search --index ~/photos-index.db", `\n  5  `, "", ""},
	{"imgsearch restore ~/photos-index.db", `restored 5 files`, "", ""},
	{"imgsearch doctor --repair", `rebuilt the vector file`, "", ""},
	{"imgsearch config path", `config\.toml`, "", ""},
	{"imgsearch config show", `ort-lib`, "", ""},
	{"IMGSEARCH_SEARCH_TOP=2", `  2  .*\n$`, "", ""},
}

// TestLongUsage runs every command of docs/usage.md, in the order of the page, and checks what it prints. A command whose tool is not
// installed is skipped, and logged.
func TestLongUsage(t *testing.T) {
	r := newReader(t)
	page, err := os.ReadFile("usage.md")
	if err != nil {
		t.Fatal(err)
	}
	rest := steps
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(m[1]) {
			if len(rest) == 0 || !strings.HasPrefix(line, rest[0].command) {
				t.Fatalf("no step checks the command %s", line)
			}
			r.check(t, rest[0], line)
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		t.Errorf("the page does not have the command %s", rest[0].command)
	}
}

// check runs a command, and compares what it prints and writes with a step.
func (r reader) check(t *testing.T, s step, command string) {
	t.Helper()
	printed, ran := r.run(t, 0, command)
	if !ran {
		return
	}
	if !regexp.MustCompile(s.prints).MatchString(printed) {
		t.Errorf("$ %s%s\ndoes not match %s", command, printed, s.prints)
	}
	if s.file == "" {
		return
	}
	files, err := filepath.Glob(filepath.Join(r.home, s.file))
	if err != nil || len(files) != 1 {
		t.Errorf("$ %s%d files match %s, want 1", command, len(files), s.file)
		return
	}
	content, err := os.ReadFile(files[0])
	if err != nil || !regexp.MustCompile(s.holds).Match(content) {
		t.Errorf("$ %s%v: the content of %s, %.200q, does not match %s", command, err, s.file, content, s.holds)
	}
}

// TestLongReadme runs the README's list of commands, line by line, with a hub on this machine.
func TestLongReadme(t *testing.T) {
	r := newReader(t)
	hub := testkit.NewHub(t, "immich-app/ViT-B-32__laion2b-s34b-b79k", filepath.Join(testkit.Repository(), "models", "starter"))
	r.env = append(r.env, "HF_ENDPOINT="+hub.URL, "EDITOR=true")
	nas := filepath.Join(r.home, "nas")
	r.run(t, 0, "mkdir -p nas/photos cakes; cp -r Pictures/2024 nas/photos; cp Pictures/2023/IMG_1.jpg found.jpg; touch mark; printf 'dog\\n' > queries.txt")
	page, err := os.ReadFile(filepath.Join(testkit.Repository(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(page), -1)
	list := blocks[len(blocks)-1][1]
	// Lines that combine several commands, or never end, are run like this.
	as := strings.NewReplacer("/mnt/nas", nas, " [--failures]", " --failures", "index --watch ", "index --watch --for 1s ",
		"roots list | add DIR | rm DIR | move OLD NEW", "roots list")
	n := 0
	for line := range strings.Lines(as.Replace(list)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		n++
		code := 0
		if strings.HasPrefix(line, "imgsearch index --precision int8") {
			code = 2 // the built-in model, which replaces the one from the hub, gains nothing from int8
		}
		r.run(t, code, line)
	}
	if n < 30 {
		t.Errorf("%d commands", n)
	}
}
