package cli

import (
	"strings"

	"github.com/imgsearch/imgsearch/internal/words"
)

// actions maps actions to commands and flags. A word in angle brackets is a placeholder for an argument; if no argument is given, the
// word itself is printed, in capitals.
var actions = map[words.Action]string{
	words.IndexFolder:  "`imgsearch index DIR`",
	words.RunIndex:     "`imgsearch index`",
	words.IndexIfIdle:  "`imgsearch index --if-idle`",
	words.Prune:        "`imgsearch index --prune`",
	words.MoveRoot:     "`imgsearch roots move OLD NEW`",
	words.RemoveRoot:   "`imgsearch roots rm DIR`",
	words.ListRoots:    "`imgsearch roots list`",
	words.ChooseIndex:  "--index FILE",
	words.NameIndex:    "--index FILE or IMGSEARCH_INDEX",
	words.Repair:       "`imgsearch doctor --repair`",
	words.Restore:      "`imgsearch restore <FILE>`",
	words.Examine:      "`imgsearch doctor`",
	words.ExamineModel: "`imgsearch doctor --model DIR`",
	words.Warmup:       "`imgsearch warmup`",
	words.ListModels:   "`imgsearch models list`",
	words.PullModel:    "`imgsearch models pull <NAME>`",
	words.PullAgain:    "`imgsearch models pull NAME`",
	words.PullFrom:     "--from DIR",
	words.RemoveModel:  "`imgsearch models rm <NAME>`",
	words.Calibrate:    "`imgsearch models calibrate <NAME> --queries FILE`",
	words.UseModel:     "`imgsearch models use <NAME>`",
	words.Revision:     "--revision",
	words.Library:      "--ort-lib FILE",
	words.NameLibrary:  "--ort-lib FILE or IMGSEARCH_ORT_LIB",
	words.Provider:     "--provider",
	words.UseProvider:  "--provider <NAME>",
	words.FP32:         "--precision fp32",
	words.Language:     "--lang CODE",
	words.MaxPixels:    "--max-pixels",
	words.MaxMemory:    "--max-memory",
	words.Elsewhere:    "--index, IMGSEARCH_MODELS, IMGSEARCH_CACHE",
	words.WithoutText:  "`imgsearch index --ocr off`",
	words.WithText:     "`imgsearch index --ocr auto`",
	words.RetryFailed:  "`imgsearch index --retry-failed`",
}

// Door returns the command or flag for an action.
func Door(a words.Action, args ...string) string {
	if a == words.IndexModel { // its arguments are optional
		args = append(args, "", "")
		return "`imgsearch index" + ModelArgs(args[0], args[1]) + "`"
	}
	if a == words.UseModel && len(args) > 1 && args[1] != "" {
		args = []string{args[0] + " --precision " + args[1]}
	}
	text := actions[a]
	before, rest, takes := strings.Cut(text, "<")
	if !takes {
		return text
	}
	argument, after, _ := strings.Cut(rest, ">")
	if len(args) > 0 && args[0] != "" {
		argument = args[0]
	}
	return before + argument + after
}

// ModelArgs returns the flags that choose a model, each preceded by a space.
func ModelArgs(name, precision string) (text string) {
	if name != "" {
		text += " --model " + name
	}
	if precision != "" {
		text += " --precision " + precision
	}
	return text
}
