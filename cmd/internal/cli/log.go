package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/words"
)

// logOptions are the level and format of the log on Err.
type logOptions struct{ level, format string }

// LogLevels and LogFormats are the values of --log-level and --log-format.
var (
	LogLevels  = []string{"debug", "info", "warn", "error"}
	LogFormats = []string{"text", "json", "journald"}
)

// AddLogFlags adds --log-level and --log-format.
func (p *Program) AddLogFlags(f *pflag.FlagSet) {
	f.StringVar(&p.logging.level, "log-level", "info", "lowest `LEVEL` to log: debug, info, warn or error")
	f.StringVar(&p.logging.format, "log-format", "text", "log `FORMAT`: text, json (one object per line) or journald (with systemd priorities)")
}

// OpenLog creates the log according to the flags.
func (p *Program) OpenLog() error {
	asked := p.logging
	p.logging.format = "text" // for an error in the flags
	switch {
	case !slices.Contains(LogLevels, asked.level):
		return Usage("use debug, info, warn or error", "invalid value for --log-level: %q", asked.level)
	case !slices.Contains(LogFormats, asked.format):
		return Usage("use text, json or journald", "invalid value for --log-format: %q", asked.format)
	}
	p.logging = asked
	p.Verbose = p.Verbose || asked.level == "debug"
	p.log = slog.New(p.handler())
	return nil
}

// logLevel is the lowest level that is logged.
func (p *Program) logLevel() slog.Level {
	switch {
	case p.Verbose:
		return slog.LevelDebug
	case p.logging.level == "error":
		return slog.LevelError
	case p.logging.level == "warn":
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func (p *Program) handler() slog.Handler {
	level := p.logLevel()
	switch p.logging.format {
	case "json":
		return slog.NewJSONHandler(jsonWriter{wholeLines{p}}, &slog.HandlerOptions{Level: level})
	case "journald":
		return lineHandler{out: wholeLines{p}, level: level, begin: journaldLine, journal: true}
	}
	return lineHandler{out: wholeLines{p}, level: level, begin: p.textLine}
}

// Log is the program's log. Results go to Out instead.
func (p *Program) Log() *slog.Logger {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log == nil { // before the flags were read
		p.log = slog.New(p.handler())
	}
	return p.log
}

// ServiceLog is the log for what a service does on behalf of others. With --quiet, it has only warnings and errors.
func (p *Program) ServiceLog() *slog.Logger {
	if !p.Quiet {
		return p.Log()
	}
	return slog.New(graveHandler{p.Log().Handler()})
}

// graveHandler drops what is neither a warning nor an error.
type graveHandler struct{ slog.Handler }

func (h graveHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// LogWith adds attributes to all records until the returned function is called.
func (p *Program) LogWith(attrs ...any) (end func()) {
	before := p.Log()
	set := func(l *slog.Logger) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.log = l
	}
	set(before.With(attrs...))
	return func() { set(before) }
}

// LogsLines reports whether the log is for programs. Err has no progress bar then.
func (p *Program) LogsLines() bool { return p.logging.format != "text" && p.logging.format != "" }

// wholeLines writes one line at a time to Err, for concurrent workers.
type wholeLines struct{ p *Program }

func (w wholeLines) Write(line []byte) (int, error) {
	w.p.writing.Lock()
	defer w.p.writing.Unlock()
	return w.p.Err.Write(line)
}

// lineHandler logs one line per record, for people or for systemd's journal. For people, only debug records show their attributes.
type lineHandler struct {
	out   io.Writer
	level slog.Level
	// begin returns the prefix of a line.
	begin   func(level slog.Level) string
	journal bool
	more    []slog.Attr
}

// textLine is the prefix for people: the program's name and the severity.
func (p *Program) textLine(level slog.Level) string {
	styled := func(s Style, text string) string {
		if !p.colors(p.ErrEscapes) {
			return text
		}
		return styles[s].Styled(text)
	}
	switch {
	case level >= slog.LevelError:
		return "imgsearch: " + styled(Bad, "error:") + " "
	case level >= slog.LevelWarn:
		return "imgsearch: " + styled(Doubtful, "warning:") + " "
	}
	return "imgsearch: "
}

// journaldLine is the prefix for systemd's journal: a priority of sd-daemon(3), 3 for errors, 4 warnings, 6 information, 7 debugging.
func journaldLine(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "<3>"
	case level >= slog.LevelWarn:
		return "<4>"
	case level >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

func (h lineHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	// A message may contain what a file, a model or a server said: a line break would begin a record of any priority in the journal, and a
	// terminal would obey other control characters.
	message := words.Clean(r.Message)
	if r.Level < slog.LevelInfo && !h.journal { // details may have several lines, which are indented
		lines := strings.Split(r.Message, "\n")
		for i, line := range lines {
			lines[i] = words.Clean(strings.ReplaceAll(line, "\t", "  "))
		}
		message = strings.Join(lines, "\n    ")
	}
	b.WriteString(h.begin(r.Level) + message)
	hint := ""
	write := func(a slog.Attr) bool {
		if a.Key == hintKey {
			hint = a.Value.String()
		} else if h.journal || r.Level < slog.LevelInfo {
			b.WriteString(" " + a.Key + "=" + quoted(a.Value.String()))
		}
		return true
	}
	for _, a := range h.more {
		write(a)
	}
	r.Attrs(write)
	b.WriteByte('\n')
	if hint != "" {
		if h.journal {
			b.WriteString(h.begin(r.Level))
		}
		b.WriteString("hint: " + words.Clean(english.OneLine(hint)) + "\n")
	}
	_, err := io.WriteString(h.out, b.String())
	return err
}

// hintKey is the attribute with the hint of an error.
const hintKey = "hint"

// quoted returns a value as it appears after key=, in quotes if it contains spaces or control characters.
func quoted(value string) string {
	if value == "" || words.Clean(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`="\`, r) }) {
		return strconv.Quote(value)
	}
	return value
}

func (h lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.more = append(slices.Clone(h.more), attrs...)
	return h
}

// WithGroup ignores groups, which this program does not use.
func (h lineHandler) WithGroup(string) slog.Handler { return h }

// Logf logs a detail, at level debug.
func (p *Program) Logf(format string, args ...any) {
	p.Log().Debug(fmt.Sprintf(format, args...))
}

// Warnf logs a warning, unless --quiet.
func (p *Program) Warnf(format string, args ...any) { p.Warn(fmt.Sprintf(format, args...)) }

// Warn logs a warning with attributes, unless --quiet.
func (p *Program) Warn(message string, attrs ...any) {
	if !p.Quiet {
		p.Log().Warn(message, attrs...)
	}
}

// Notef logs information, unless --quiet.
func (p *Program) Notef(format string, args ...any) { p.Note(fmt.Sprintf(format, args...)) }

// Note logs information with attributes, unless --quiet.
func (p *Program) Note(message string, attrs ...any) {
	if !p.Quiet {
		p.Log().Info(message, attrs...)
	}
}

// Notify logs a notice from a library. Notices of unreachable files and folders are logged even with --quiet.
func (p *Program) Notify(notice any) {
	w := words.Notice(notice, Door)
	attrs := noticeAttrs(notice)
	switch {
	case w.OutOfReach:
		p.Log().Warn(w.Sentence, attrs...) // even with --quiet
	case w.Grave:
		p.Warn(w.Sentence, attrs...)
	default:
		p.Note(w.Sentence, attrs...)
	}
}

// noticeAttrs returns the attributes of a notice: its folder and counts.
func noticeAttrs(notice any) []any {
	switch n := notice.(type) {
	case index.RootUnreachable:
		return []any{"root", n.Root, "files", n.Files}
	case index.ManyGone:
		return []any{"root", n.Root, "gone", n.Gone}
	case index.FilesKept:
		return []any{"folder", n.Folder, "files", n.Files}
	case index.FolderUnreadable:
		return []any{"folder", n.Folder}
	}
	return nil
}
