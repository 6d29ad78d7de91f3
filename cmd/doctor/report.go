package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/doctor"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// reportVariables are the environment variables that a report lists.
var reportVariables = []string{
	"IMGSEARCH_INDEX", "IMGSEARCH_ORT_LIB", "IMGSEARCH_PROVIDER", "IMGSEARCH_CACHE", "IMGSEARCH_STATE", "IMGSEARCH_MODELS", "HF_ENDPOINT",
	"XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "VK_ICD_FILENAMES", "VK_DRIVER_FILES", "CUDA_VISIBLE_DEVICES",
	"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "TERM", "LANG", "INVOCATION_ID", "XPC_SERVICE_NAME",
}

// reportTitle is the start of every report.
const reportTitle = "imgsearch doctor report"

// writeReport writes the findings and their evidence, for a bug report. It replaces the names of the user's folders: the home with ~,
// indexed folders with ROOT1, ROOT2 and so on.
func (o *options) writeReport(ctx context.Context, findings []doctor.Finding) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, reportTitle+", %s\n\n", wire.Stamp(time.Now()))
	for _, f := range findings {
		fmt.Fprintf(&b, "%-4s  %s: %s\n", statuses[f.Severity], f.Name, f.Detail)
		for _, line := range f.Evidence {
			fmt.Fprintf(&b, "      | %s\n", line)
		}
		if hint := words.Hint(f, cli.Door); hint != "" {
			fmt.Fprintf(&b, "      hint: %s\n", hint)
		}
	}
	fmt.Fprintf(&b, "\nENVIRONMENT\n")
	for _, name := range reportVariables {
		value, set := os.LookupEnv(name)
		switch {
		case name == "SSH_CONNECTION" && set:
			value = "(set)" // its value contains addresses
		case !set:
			continue
		}
		fmt.Fprintf(&b, "%s=%s\n", name, value)
	}
	state := o.p.App.State()
	section := func(title string, values ...any) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, v := range values {
			data, err := json.Marshal(v)
			if err != nil {
				data = []byte(err.Error())
			}
			fmt.Fprintf(&b, "%s\n", data)
		}
	}
	verdicts := state.Verdicts()
	for i := range verdicts {
		verdicts[i].Canary = nil // not useful in a report
	}
	section("MEASURED", anys(verdicts)...)
	section("CRASHES", append(anys(state.Records()), anys(state.Deaths())...)...)
	roots := o.reportIndex(ctx, &b)
	text := shorten(b.String(), roots)
	if err := atomicfile.Replace(o.report, []byte(text), atomicfile.Options{FollowLink: true, Unfinished: ".imgsearch-report-*"}); err != nil {
		return cli.Usage("choose a file in a folder that you can write to", "--report: %w", err)
	}
	return nil
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// reportIndex writes the status of the index and its last runs, and returns the paths of the roots.
func (o *options) reportIndex(ctx context.Context, b *bytes.Buffer) (roots []string) {
	fmt.Fprintf(b, "\nINDEX\n")
	ix, err := o.p.App.OpenAtOnce(ctx)
	if err != nil {
		fmt.Fprintf(b, "%v\n", err)
		return nil
	}
	defer ix.Close()
	found, err := o.p.App.Status(ctx, ix, false)
	if err != nil {
		fmt.Fprintf(b, "%v\n", err)
	}
	roots = found.Roots
	if data, err := json.MarshalIndent(found, "", "  "); err == nil {
		fmt.Fprintf(b, "%s\n", data)
	}
	for _, complete := range []bool{false, true} {
		if run, ok, err := ix.LastRun(ctx, complete); err == nil && ok {
			fmt.Fprintf(b, "%s %s\n", wire.Stamp(run.StartedAt), run.Summary)
		}
	}
	return roots
}

// shorten replaces the names of the user's folders in a text, the longest first.
func shorten(text string, roots []string) string {
	type place struct{ path, name string }
	var places []place
	for i, root := range roots {
		places = append(places, place{root, fmt.Sprintf("ROOT%d", i+1)})
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.Dir(home) != home {
		places = append(places, place{home, "~"})
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(len(b.path), len(a.path)) })
	for _, p := range places {
		text = strings.ReplaceAll(text, p.path, p.name)
		// Also as written in JSON, where some characters are escaped.
		if quoted, err := json.Marshal(p.path); err == nil {
			text = strings.ReplaceAll(text, strings.Trim(string(quoted), `"`), p.name)
		}
	}
	return text
}
