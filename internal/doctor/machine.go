package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// askLimit is how long a system program may take to answer.
const askLimit = 2 * time.Second

// ask runs a system program and returns its output, "" if it is missing, fails or does not answer in time.
func ask(ctx context.Context, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	answered := make(chan string, 1)
	go func() { // if a driver hangs, its tools block in the kernel and cannot be killed
		c := exec.CommandContext(ctx, name, args...)
		c.WaitDelay = time.Second
		out, err := c.Output()
		if err != nil {
			out = nil
		}
		answered <- strings.TrimSpace(string(out))
	}()
	select {
	case text := <-answered:
		return text
	case <-time.After(askLimit + time.Second):
		return ""
	}
}

// checkMachine reports the system and the processor, and what its instructions mean for int8.
func checkMachine(_ context.Context, e *examination) {
	has, means := instructions()
	name := machine.Processor()
	if name == "" {
		name = "unknown processor"
	}
	e.add(Finding{
		Name: "machine", Severity: Info, Detail: fmt.Sprintf("%s, %s, %d processors; %s", machine.System(), name, runtime.NumCPU(), means),
		Evidence: []string{"instructions: " + strings.Join(has, ", ")},
	})
	if machine.Translated() {
		e.warn("rosetta", InstallARM64, "imgsearch runs under Rosetta: it is slow, and CoreML cannot use the Neural Engine")
	}
}

// instructions returns the instruction sets that matter here, and what they mean for int8.
func instructions() (has []string, means string) {
	type set struct {
		name string
		ok   bool
	}
	var sets []set
	dot := false
	switch runtime.GOARCH {
	case "amd64":
		dot = cpu.X86.HasAVX512VNNI || cpu.X86.HasAVXVNNI
		sets = []set{
			{"SSE4.1", cpu.X86.HasSSE41}, {"AVX", cpu.X86.HasAVX}, {"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA}, {"AVX-512", cpu.X86.HasAVX512F},
			{"AVX-512 VNNI", cpu.X86.HasAVX512VNNI}, {"AVX-VNNI", cpu.X86.HasAVXVNNI},
		}
	case "arm64":
		dot = cpu.ARM64.HasASIMDDP || runtime.GOOS == "darwin"
		sets = []set{{"NEON", true}, {"dot product", dot}, {"half precision", cpu.ARM64.HasASIMDHP || runtime.GOOS == "darwin"}}
	}
	for _, s := range sets {
		if s.ok {
			has = append(has, s.name)
		}
	}
	if dot {
		return has, "int8 uses the processor's integer dot product instructions"
	}
	return has, "the processor has no integer dot product instructions, so int8 is hardly faster"
}

// checkSession reports the kind of session: a job may not have access to devices that a terminal has.
func checkSession(ctx context.Context, e *examination) {
	kind := machine.CurrentSession()
	detail := map[machine.Session]string{
		machine.Terminal: "a terminal", machine.SSH: "ssh", machine.Background: "no terminal (cron, a timer, another program)",
		machine.Launchd: "a job outside the desktop session",
	}[kind]
	if box := sandbox(); box != "" {
		detail += ", in " + box
	}
	if runtime.GOOS == "darwin" && kind != machine.Terminal && kind != machine.Background {
		e.warn("session", UseLaunchAgent, "%s: Metal's compiler may be unavailable here, and then only the processor works", detail)
		return
	}
	e.ok("session", "%s", detail)
	if runtime.GOOS == "darwin" && strings.Contains(ask(ctx, "/usr/bin/pmset", "-g"), "lowpowermode         1") {
		e.warn("power", PlugIn, "low power mode is on: everything is slower")
	}
}

// sandbox names the sandbox or container that the process runs in, "" if none is detected.
func sandbox() string {
	if id := os.Getenv("APP_SANDBOX_CONTAINER_ID"); id != "" {
		return "the sandbox " + id
	}
	for path, name := range map[string]string{"/.dockerenv": "a Docker container", "/run/.containerenv": "a container", "/.flatpak-info": "a Flatpak"} {
		if _, err := os.Stat(path); err == nil {
			return name
		}
	}
	return ""
}

// checkGraphics reports the devices and drivers for accelerators.
func checkGraphics(ctx context.Context, e *examination) {
	var found, evidence []string
	if v := machine.NVIDIA(); v != "" {
		found = append(found, "NVIDIA driver "+v)
		evidence = append(evidence, strings.Split(ask(ctx, "nvidia-smi", "-L"), "\n")...)
		if len(machine.CUDALibraries()) == 0 {
			e.warn("graphics", InstallLibcuda, "NVIDIA's kernel driver is loaded, but libcuda.so.1 is not among the system's libraries")
		}
	}
	if runtime.GOOS == "linux" {
		if drivers := machine.VulkanDrivers(); len(drivers) > 0 {
			found = append(found, fmt.Sprintf("%s for Vulkan", english.Count(len(drivers), "driver manifest")))
			evidence = append(evidence, drivers...)
		}
		if nodes, _ := filepath.Glob("/dev/dri/render*"); len(nodes) > 0 {
			found = append(found, english.Count(len(nodes), "render device"))
			evidence = append(evidence, nodes...)
		}
	}
	if runtime.GOOS == "darwin" {
		devices := metalDevices([]byte(ask(ctx, "/usr/sbin/system_profiler", "-json", "SPDisplaysDataType")))
		found = append(found, devices...)
		if len(devices) == 0 {
			e.warn("graphics", LookForMetal, "the system reports no Metal device")
			return
		}
	}
	if len(found) == 0 {
		e.ok("graphics", "no GPU driver found: imgsearch uses the processor")
		return
	}
	e.add(Finding{Name: "graphics", Severity: Info, Detail: strings.Join(found, "; "), Evidence: evidence})
}

// metalDevices parses the output of system_profiler.
func metalDevices(data []byte) []string {
	var answer struct {
		Displays []struct {
			Model string `json:"sppci_model"`
			Cores string `json:"sppci_cores"`
			Metal string `json:"spdisplays_mtlgpufamilysupport"`
		} `json:"SPDisplaysDataType"`
	}
	if json.Unmarshal(data, &answer) != nil {
		return nil
	}
	var list []string
	for _, d := range answer.Displays {
		text := d.Model
		if d.Cores != "" {
			text += ", " + d.Cores + " cores"
		}
		if family, ok := strings.CutPrefix(d.Metal, "spdisplays_metal"); ok {
			text += ", Metal " + family
		}
		list = append(list, text)
	}
	return list
}
