package words

import (
	"runtime"

	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/doctor"
)

// advices are the hints for the findings of doctor.
var advices = map[doctor.Advice]func(Door) string{
	doctor.MakeIndex: func(do Door) string { return "create one with " + do(IndexFolder) },
	doctor.RunIndex:  func(do Door) string { return "run " + do(RunIndex) },
	doctor.RunNightly: func(do Door) string {
		return "run " + do(RunIndex) + ", and check why the scheduled job does not (docs/scheduling.md)"
	},
	doctor.Repair: func(do Door) string {
		return do(Repair) + " copies what is readable into a new index and keeps the damaged one; it does not touch your photos"
	},
	doctor.DropVectors: func(do Door) string {
		return do(Repair) + " deletes them; then run " + do(RunIndex) + " to create them again"
	},
	doctor.DropCopy: say("the next search removes it, and makes a new one"),
	doctor.ConnectDisk: func(do Door) string {
		return "connect its disk, tell imgsearch where it is now with " + do(MoveRoot) + ", or remove it from the index with " + do(RemoveRoot)
	},
	doctor.GiveReadRight: say("give the user that runs imgsearch read permission"),
	doctor.GrantFullDiskAccess: say("in System Settings, Privacy & Security, Full Disk Access, allow the program that starts imgsearch " +
		"(the terminal, or imgsearch itself for launchd and cron)"),
	doctor.MakeWritable: func(do Door) string { return "make it writable, or use " + do(ChooseIndex) },
	doctor.SetCache:     say("set IMGSEARCH_CACHE to a writable folder"),
	doctor.FreeSomeDisk: freeSomeDisk,
	doctor.SeeMessage:   say("fix the cause that the message names"),
	doctor.ReportBug:    say("this is a bug in imgsearch: please report it"),
	doctor.Reinstall:    say("the program file is damaged: reinstall imgsearch"),
	doctor.TryAnotherLibrary: func(do Door) string {
		return "the runtime library gives wrong results on this machine: choose another one with " + do(Library)
	},
	doctor.GiveBuild: func(do Door) string {
		return "choose a runtime library that has it with " + do(Library) + " (docs/providers.md)"
	},
	doctor.TryLonger: func(do Door) string {
		return "the machine is busy, or the model is large: try again, or run " + do(Warmup) + ", which waits longer"
	},
	doctor.WaitLonger: func(do Door) string {
		return "it hangs, or is far too slow to be useful; imgsearch uses the processor instead (" + do(Warmup) + " waits longer)"
	},
	doctor.UpdateDriver: func(do Door) string {
		return "imgsearch uses the processor instead; update the driver, or choose the processor with " + do(UseProvider, string(provider.CPU)) + " (docs/troubleshooting.md)"
	},
	doctor.NextRunTries: say("the next run tests it in a child process before using it"),
	doctor.WarmUp: func(do Door) string {
		return "imgsearch uses the processor instead; " + do(Warmup) + " enables it again if it works"
	},
	doctor.InstallARM64:      say("install the build for Apple silicon (arm64)"),
	doctor.UseLaunchAgent:    say("to use the GPU, run imgsearch as a LaunchAgent of the desktop session (docs/macos.md)"),
	doctor.PlugIn:            say("plug in the power adapter, or turn off low power mode while indexing"),
	doctor.InstallLibavcodec: installLibrary("FFmpeg's libavcodec, version 58 to 62", "libavcodec59, 60, 61 or 62", "ffmpeg"),
	doctor.InstallLibjxl:     installLibrary("libjxl, version 0.7 to 0.11", "libjxl0.7, 0.10 or 0.11", "jpeg-xl"),
	doctor.InstallLibcuda:    say("install the driver's libraries (libcuda.so.1)"),
	doctor.LookForMetal:      say("check whether `system_profiler SPDisplaysDataType` lists a device"),
}

// Hint returns what to do about a finding, "" if there is nothing to do.
func Hint(f doctor.Finding, do Door) string {
	switch {
	case f.Remedy != "":
		return Remedy(f.Remedy, do)
	case f.Advice == doctor.MakePrivate:
		return "run `chmod 600 " + f.Path + "`"
	case f.Advice != "":
		if advice, ok := advices[f.Advice]; ok {
			return advice(do)
		}
		return string(f.Advice)
	case f.Err != nil:
		if hint := Error(f.Err, do).Hint; hint != "" {
			return hint
		}
		return "see the message and docs/troubleshooting.md"
	}
	return ""
}

// installLibrary says how to install a system library: by its package in Debian and Ubuntu, its formula in Homebrew, or as DLLs.
func installLibrary(what, packages, formula string) func(Door) string {
	how := "package " + packages + " in Debian and Ubuntu, " + formula + " elsewhere"
	switch runtime.GOOS {
	case "darwin":
		how = "`brew install " + formula + "`"
	case "windows":
		how = "its DLLs in the folder of imgsearch.exe, see docs/formats.md"
	}
	return say("to decode this format faster, install " + what + " (" + how + ")")
}
