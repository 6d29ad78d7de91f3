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
	"github.com/imgsearch/imgsearch/internal/words"
)

// logOptions say what is logged on Err, and how.
type logOptions struct{ level, format string }

// LogLevels and LogFormats are what --log-level and --log-format take.
var (
	LogLevels  = []string{"debug", "info", "warn", "error"}
	LogFormats = []string{"text", "json", "journald"}
)

// AddLogFlags adds the flags.
func (p *Program) AddLogFlags(f *pflag.FlagSet) {
	f.StringVar(&p.logging.level, "log-level", "info", "log from a `LEVEL` on: debug, info, warn or error")
	f.StringVar(&p.logging.format, "log-format", "text", "log as `text`, json (one object a line) or journald (systemd's priorities)")
}

// OpenLog makes the log that the flags ask for.
func (p *Program) OpenLog() error {
	asked := p.logging
	p.logging.format = "text" // in which an error of the flags is told
	switch {
	case !slices.Contains(LogLevels, asked.level):
		return Usage("give debug, info, warn or error", "--log-level %q", asked.level)
	case !slices.Contains(LogFormats, asked.format):
		return Usage("give text, json or journald", "--log-format %q", asked.format)
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
		return slog.NewJSONHandler(wholeLines{p}, &slog.HandlerOptions{Level: level})
	case "journald":
		return lineHandler{out: wholeLines{p}, level: level, begin: journaldLine, attrs: slog.LevelDebug}
	}
	return lineHandler{out: wholeLines{p}, level: level, begin: p.textLine, attrs: slog.LevelInfo}
}

// Log is where the program says what it does, besides its results.
func (p *Program) Log() *slog.Logger {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log == nil { // before the flags were read
		p.log = slog.New(p.handler())
	}
	return p.log
}

// LogWith adds attributes to all that is logged until the function that it returns is called: of a run, its number.
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

// LogsLines reports whether Err is a log for programs, in which nothing is drawn.
func (p *Program) LogsLines() bool { return p.logging.format != "text" && p.logging.format != "" }

// wholeLines writes each line on Err whole: workers tell of their files at once.
type wholeLines struct{ p *Program }

func (w wholeLines) Write(line []byte) (int, error) {
	w.p.writing.Lock()
	defer w.p.writing.Unlock()
	return w.p.Err.Write(line)
}

// lineHandler logs a line a record, for people and for systemd's journal.
type lineHandler struct {
	out   io.Writer
	level slog.Level
	// begin is what a line begins with.
	begin func(level slog.Level) string
	// attrs is the level below which attributes are written behind the message; systemd's journal has them all.
	attrs slog.Level
	more  []slog.Attr
}

// textLine is the program's name, and how grave the line is.
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

// journaldLine is the priority, as sd-daemon(3) has it: 3 error, 4 warning, 6 informational, 7 debug.
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
	message := r.Message
	if h.isJournal() { // where a line of a name would be a record of its own, of any priority
		message = words.Path(message)
	}
	b.WriteString(h.begin(r.Level) + message)
	hint := ""
	write := func(a slog.Attr) bool {
		if a.Key == hintKey {
			hint = a.Value.String()
		} else if h.isJournal() || r.Level < h.attrs {
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
		if h.isJournal() {
			b.WriteString(h.begin(r.Level))
		}
		b.WriteString("hint: " + words.OneLine(hint) + "\n")
	}
	_, err := io.WriteString(h.out, b.String())
	return err
}

// hintKey is the attribute with what helps against an error.
const hintKey = "hint"

func (h lineHandler) isJournal() bool { return h.attrs == slog.LevelDebug }

// quoted is a value that stands alone in a line.
func quoted(value string) string {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`="\`, r) }) {
		return strconv.Quote(value)
	}
	return value
}

func (h lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.more = append(slices.Clone(h.more), attrs...)
	return h
}

// WithGroup leaves groups out: no attribute of ours has one.
func (h lineHandler) WithGroup(string) slog.Handler { return h }

// Logf tells of details with --verbose.
func (p *Program) Logf(format string, args ...any) {
	p.Log().Debug(fmt.Sprintf(format, args...))
}

// Warnf tells of what the owner should know, unless --quiet.
func (p *Program) Warnf(format string, args ...any) { p.Warn(fmt.Sprintf(format, args...)) }

// Warn tells of what the owner should know, with attributes for programs, unless --quiet.
func (p *Program) Warn(message string, attrs ...any) {
	if !p.Quiet {
		p.Log().Warn(message, attrs...)
	}
}

// Notef says something in passing, unless --quiet.
func (p *Program) Notef(format string, args ...any) { p.Note(fmt.Sprintf(format, args...)) }

// Note says something in passing, with attributes for programs, unless --quiet.
func (p *Program) Note(message string, attrs ...any) {
	if !p.Quiet {
		p.Log().Info(message, attrs...)
	}
}

// Notify says what a notice of a library means: of files and folders that are out of reach in a quiet run too.
func (p *Program) Notify(notice any) {
	w := words.Notice(notice, Door)
	attrs := noticeAttrs(notice)
	switch {
	case w.OutOfReach:
		p.Log().Warn(w.Sentence, attrs...) // whatever --quiet says
	case w.Grave:
		p.Warn(w.Sentence, attrs...)
	default:
		p.Note(w.Sentence, attrs...)
	}
}

// noticeAttrs name where a notice of a run is about.
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
