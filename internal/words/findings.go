package words

import (
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/doctor"
)

// advices say what to do about what doctor finds.
var advices = map[doctor.Advice]func(Door) string{
	doctor.MakeIndex: func(do Door) string { return "make one with " + do(IndexFolder) },
	doctor.RunIndex:  func(do Door) string { return "run " + do(RunIndex) },
	doctor.RunNightly: func(do Door) string {
		return "run " + do(RunIndex) + ", and see why the job does not (docs/scheduling.md)"
	},
	doctor.Repair: func(do Door) string {
		return do(Repair) + " saves what can be read into a new one and keeps this; the photos are not touched by this"
	},
	doctor.ConnectDisk: func(do Door) string {
		return "connect its disk, or " + do(MoveRoot) + ", or " + do(RemoveRoot)
	},
	doctor.GiveReadRight: say("give the user that runs imgsearch the right to read it"),
	doctor.GrantFullDiskAccess: say("System Settings, Privacy & Security, Full Disk Access: allow the program that starts imgsearch " +
		"(the terminal, or imgsearch itself for launchd and cron)"),
	doctor.MakeWritable: func(do Door) string { return "make it writable, or use " + do(ChooseIndex) + " FILE" },
	doctor.SetCache:     say("set IMGSEARCH_CACHE to a folder that takes files"),
	doctor.FreeSomeDisk: freeSomeDisk,
	doctor.SeeMessage:   say("see the message"),
	doctor.ReportBug:    say("the program is broken: please report it"),
	doctor.Reinstall:    say("the program file is damaged: install it again"),
	doctor.TryAnotherLibrary: func(do Door) string {
		return "the runtime library computes wrongly here: try another with " + do(Library)
	},
	doctor.GiveBuild: func(do Door) string { return "give a build that has it by " + do(Library) + "; docs/providers.md" },
	doctor.TryLonger: func(do Door) string {
		return "the machine is busy, or the model large: try again, or " + do(Warmup) + ", which waits longer"
	},
	doctor.WaitLonger: func(do Door) string {
		return "it hangs, or is far too slow to be of use; the processor does the work meanwhile (" + do(Warmup) + " waits longer)"
	},
	doctor.UpdateDriver: func(do Door) string {
		return "the processor does the work meanwhile; update the driver, or leave it at " + do(UseProvider, string(provider.CPU)) + " (docs/troubleshooting.md)"
	},
	doctor.NextRunTries: say("the next run tries it in a child process before it counts on it"),
	doctor.WarmUp: func(do Door) string {
		return "the processor does the work; " + do(Warmup) + " trusts it again if it works there"
	},
	doctor.InstallARM64:   say("install the build for Apple silicon (arm64)"),
	doctor.UseLaunchAgent: say("for the GPU, run it as a LaunchAgent of the desktop (docs/macos.md)"),
	doctor.PlugIn:         say("plug it in, or switch low power mode off while indexing"),
	doctor.InstallLibcuda: say("install the driver's libraries (libcuda.so.1)"),
	doctor.LookForMetal:   say("see whether `system_profiler SPDisplaysDataType` lists it"),
}

// Hint says what to do about a finding; "" where nothing is to be done.
func Hint(f doctor.Finding, do Door) string {
	switch {
	case f.Remedy != "":
		return Remedy(f.Remedy, do)
	case f.Advice == doctor.MakePrivate:
		return "chmod 600 " + f.Path
	case f.Advice != "":
		if advice, ok := advices[f.Advice]; ok {
			return advice(do)
		}
		return string(f.Advice)
	case f.Err != nil:
		if hint := Error(f.Err, do).Hint; hint != "" {
			return hint
		}
		return "see the message; docs/ARCHITECTURE.md explains the parts"
	}
	return ""
}
