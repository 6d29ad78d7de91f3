//go:build unix

package scenario

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

const scenarios = "testdata/script"

// systemCommands are the scenario commands that only this system can run.
var systemCommands = map[string]func(*testscript.TestScript, bool, []string){"fifo": fifo, "asuser": asUser}

// nobody is the user that the unprivileged scenarios run as when the tests run as root.
const nobody = 65534

func fifo(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(syscall.Mkfifo(ts.MkAbs(args[0]), 0o644))
}

// copyOnce copies a file unless the copy exists, and returns the copy.
func copyOnce(ts *testscript.TestScript, from, to string) string {
	if _, err := os.Stat(to); err != nil {
		data, err := os.ReadFile(from)
		ts.Check(err)
		ts.Check(os.WriteFile(to, data, 0o755))
	}
	return to
}

// asUser runs imgsearch as a user without privileges and checks its exit code: asuser CODE ARGS... That user becomes the owner of the
// work folder. The output goes to the files asuser.stdout and asuser.stderr.
func asUser(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	work := ts.MkAbs(".")
	self, err := os.Executable()
	ts.Check(err)
	// The user may have no access to the folders of the originals.
	program := copyOnce(ts, self, filepath.Join(work, "asuser-imgsearch"))
	library := copyOnce(ts, ts.Getenv("IMGSEARCH_ORT_LIB"), filepath.Join(work, "asuser-library"))
	c := exec.Command(program, args[1:]...)
	// testscript chooses the command by the program's name.
	c.Args[0] = "imgsearch"
	c.Dir = work
	c.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + ts.Getenv("PATH"), "IMGSEARCH_ORT_LIB=" + library}
	stdout, err := os.Create(filepath.Join(work, "asuser.stdout"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(filepath.Join(work, "asuser.stderr"))
	ts.Check(err)
	defer stderr.Close()
	c.Stdout, c.Stderr = stdout, stderr
	if os.Geteuid() == 0 {
		ts.Check(filepath.Walk(work, func(path string, _ os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, nobody, nobody)
		}))
		for dir := work; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
			ts.Check(os.Chmod(dir, 0o755))
		}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	err = c.Run()
	if code := c.ProcessState.ExitCode(); code != want {
		out, _ := os.ReadFile(stderr.Name())
		ts.Fatalf("asuser %v: exit status %d (%v), want %d\n%s", args[1:], code, err, want, out)
	}
}
