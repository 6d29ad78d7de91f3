package machine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSessionOf checks that kinds of sessions are distinguished, since measurements are only valid for one kind.
func TestSessionOf(t *testing.T) {
	for _, c := range []struct {
		goos, manager string
		ssh, terminal bool
		want          Session
	}{
		{"linux", "", false, true, Terminal},
		{"linux", "", false, false, Background},
		{"linux", "", true, true, SSH},
		{"darwin", "Aqua", false, true, Terminal},
		{"darwin", "Aqua", false, false, Background}, // a LaunchAgent of the desktop session
		{"darwin", "Background", false, false, Launchd},
		{"darwin", "System", false, false, Launchd},
		{"darwin", "Background", true, true, SSH},
		{"windows", "", false, true, Terminal},
	} {
		env := func(name string) string {
			if name == "SSH_CONNECTION" && c.ssh {
				return "10.0.0.1 1 10.0.0.2 22"
			}
			return ""
		}
		got := sessionOf(c.goos, env, func() string { return c.manager }, func() bool { return c.terminal })
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestDrivers checks that the fingerprint changes when another driver is chosen or installed.
func TestDrivers(t *testing.T) {
	icd := filepath.Join(t.TempDir(), "icd.json")
	before := Drivers()
	t.Setenv("VK_ICD_FILENAMES", icd)
	chosen := Drivers()
	if err := os.WriteFile(icd, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	installed := Drivers()
	if before == chosen || chosen == installed {
		t.Errorf("%s, chosen %s, installed %s", before, chosen, installed)
	}
	if got := VulkanDrivers(); len(got) != 1 || got[0] != icd {
		t.Errorf("VulkanDrivers() = %v", got)
	}
}
