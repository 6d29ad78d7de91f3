// Package scenario runs the program in tests: scenarios in each command's testdata/script (testdata/windows on Windows), the program in
// this process, and the program as a separate process. It must not know what a command does.
package scenario

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgsearch/imgsearch/cmd"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

// Main is a package's TestMain. The test binary acts as the program if it is called imgsearch.
func Main(m *testing.M) {
	testscript.Main(withServer{m}, map[string]func(){
		"imgsearch": func() { os.Exit(cmd.Main()) },
	})
}

// withServer stops the database server after the tests, if one has been started.
type withServer struct{ m *testing.M }

func (w withServer) Run() int { return pgserver.Main(w.m) }

// Run runs the package's scenarios for this system. They check the streams and exit code of the real program.
func Run(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(scenarios); err != nil || len(left) == 0 {
		t.Skip("no scenarios for this system")
	}
	library := testkit.RuntimeLibrary(t)
	commands := map[string]func(*testscript.TestScript, bool, []string){
		"status":   exitStatus,
		"picture":  picture,
		"words":    wordsPicture,
		"raw":      rawPicture,
		"bomb":     bomb,
		"truncate": truncateFile,
		"segment":  segment,
		"xmp":      xmp,
		"speaks":   speaks,
		"damage":   damage,
		"nul":      nulList,
		"shift":    shiftTime,
		"rename":   rename,
		"badname":  badName,
		"mode":     mode,
		"sql":      execSQL,
		"fixture":  fixture,
		"freeport": freePort,
		"ask":      ask,
		"database": database,
		"await":    await,
	}
	maps.Copy(commands, systemCommands)
	testscript.Run(t, testscript.Params{
		Dir:                 scenarios,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("IMGSEARCH_ORT_LIB", library)
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			if runtime.GOOS == "windows" {
				e.Setenv("USERPROFILE", home)
				e.Setenv("LOCALAPPDATA", filepath.Join(home, "local"))
				e.Setenv("APPDATA", filepath.Join(home, "roaming"))
			}
			e.Setenv("BACKCOMPAT", filepath.Join(testkit.Repository(), "testdata", "backcompat"))
			e.Setenv("SAMPLES", filepath.Join(testkit.Repository(), "internal", "doctor", "samples"))
			e.Setenv("STARTER", filepath.Join(testkit.Repository(), "models", "starter"))
			return os.Mkdir(home, 0o700)
		},
		Cmds: commands,
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "postgres":
				_, err := pgserver.Shared()
				return !errors.Is(err, pgserver.ErrMissing), nil
			case "race":
				return RaceEnabled, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// database makes an empty PostgreSQL database and sets a variable to its URL: database VARIABLE.
func database(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: database VARIABLE")
	}
	server, err := pgserver.Shared()
	ts.Check(err)
	url, err := server.CreateDatabase(context.Background())
	ts.Check(err)
	ts.Setenv(args[0], url)
}

// rawPicture makes a camera raw file from a JPEG: raw FILE JPEG [ORIENTATION].
func rawPicture(ts *testscript.TestScript, _ bool, args []string) {
	orientation := uint64(1)
	if len(args) == 3 {
		var err error
		orientation, err = strconv.ParseUint(args[2], 10, 16)
		ts.Check(err)
	} else if len(args) != 2 {
		ts.Fatalf("usage: raw FILE JPEG [ORIENTATION]")
	}
	jpg, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), testkit.Raw(jpg, uint32(orientation)), 0o600))
}

// exitStatus runs a command and checks its exit code: status CODE COMMAND ARGS...
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // testscript returns it bare
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%v: exit status %d, want %d", args[1:], got, want)
	}
}

// picture makes a picture: picture FILE SEED [WIDTH HEIGHT].
func picture(ts *testscript.TestScript, _ bool, args []string) {
	w, h := 64, 48
	seed, err := strconv.Atoi(args[1])
	ts.Check(err)
	if len(args) == 4 {
		w, err = strconv.Atoi(args[2])
		ts.Check(err)
		h, err = strconv.Atoi(args[3])
		ts.Check(err)
	}
	path := ts.MkAbs(args[0])
	data, err := testkit.Encode(path, testkit.Picture(seed, w, h))
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, data, 0o644))
}

// wordsPicture makes a picture of lines of text: words FILE LINE...
func wordsPicture(ts *testscript.TestScript, _ bool, args []string) {
	img, err := testkit.Words(args[1:]...)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	data, err := testkit.Encode(path, img)
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, data, 0o644))
}

// bomb makes a PNG with a size but without pixels: bomb FILE WIDTH HEIGHT.
func bomb(ts *testscript.TestScript, _ bool, args []string) {
	w, err := strconv.Atoi(args[1])
	ts.Check(err)
	h, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), testkit.PNGHeader(uint32(w), uint32(h)), 0o644))
}

// damage overwrites a page in the middle of a database: damage FILE.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	info, err := f.Stat()
	ts.Check(err)
	const page = 4096
	_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, page), info.Size()/page/2*page)
	ts.Check(err)
}

// truncateFile cuts a file: truncate FILE BYTES, or truncate FILE PERCENT%.
func truncateFile(ts *testscript.TestScript, _ bool, args []string) {
	text, percent := strings.CutSuffix(args[1], "%")
	n, err := strconv.ParseInt(text, 10, 64)
	ts.Check(err)
	if percent {
		info, err := os.Stat(ts.MkAbs(args[0]))
		ts.Check(err)
		n = info.Size() * n / 100
	}
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// xmp writes a sidecar: xmp FILE RATING KEYWORD...
func xmp(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(testkit.XMP(args[1], args[2:]...)), 0o644))
}

// segment writes metadata into a JPEG: segment FILE comment TEXT, segment FILE exif ORIENTATION TAKEN, segment FILE xmp RATING
// KEYWORD..., segment FILE packet XMPFILE, segment FILE camera CAMERA LENS TAKEN.
func segment(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	switch args[1] {
	case "comment":
		data = testkit.InsertSegment(data, 0xfe, []byte(args[2]))
	case "xmp":
		data = testkit.InsertSegment(data, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00"+testkit.XMP(args[2], args[3:]...)))
	case "packet":
		packet, err := os.ReadFile(ts.MkAbs(args[2]))
		ts.Check(err)
		data = testkit.InsertSegment(data, 0xe1, append([]byte("http://ns.adobe.com/xap/1.0/\x00"), packet...))
	case "camera":
		data = testkit.InsertSegment(data, 0xe1, testkit.CameraEXIF{Camera: args[2], Lens: args[3], Taken: args[4]}.Segment())
	case "exif":
		orientation, err := strconv.ParseUint(args[2], 10, 16)
		ts.Check(err)
		data = testkit.InsertSegment(data, 0xe1, testkit.EXIF(uint16(orientation), args[3]))
	}
	ts.Check(os.WriteFile(path, data, 0o644))
}

// nulList writes words, each followed by a NUL byte: nul FILE WORD...
func nulList(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(args[1:], "\x00")+"\x00"), 0o644))
}

// shiftTime moves a file's mtime: shift FILE DURATION.
func shiftTime(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Check(os.Chtimes(path, time.Time{}, info.ModTime().Add(by)))
}

func rename(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.Rename(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// badName renames a file to a name that cannot be written in a scenario: badname FILE newline|tab|notutf8.
func badName(ts *testscript.TestScript, _ bool, args []string) {
	name := map[string]string{"newline": "a\nb.jpg", "tab": "a\tb.jpg", "notutf8": "a\xffb.jpg"}[args[1]]
	path := ts.MkAbs(args[0])
	ts.Check(os.Rename(path, filepath.Join(filepath.Dir(path), name)))
}

// mode checks a file's permission bits: mode FILE OCTAL.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// execSQL executes a statement in a database: sql FILE STATEMENT.
func execSQL(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(err)
}
