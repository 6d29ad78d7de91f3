package server

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// session is an indexing session in JSON.
type session struct {
	Schema int   `json:"schema"`
	ID     int64 `json:"id"`
	// Directory is null for a session over all roots, or over several folders in which something has changed.
	Directory   *string       `json:"training_directory"`
	Directories []string      `json:"directories" nullable:"false" doc:"The folders; none: all roots of the index"`
	Priority    jobs.Priority `json:"priority" enum:"high,normal,low"`
	Force       bool          `json:"force"`
	State       jobs.State    `json:"state" enum:"queued,running,done,failed,cancelled"`
	// Cancelling means that work on it has not stopped yet.
	Cancelling bool    `json:"cancelling"`
	Waiting    *string `json:"waiting" doc:"Why it does not begin although its turn has come"`
	CreatedAt  string  `json:"created_at"`
	StartedAt  *string `json:"started_at"`
	EndedAt    *string `json:"ended_at"`
	Runs       int     `json:"runs" doc:"How many times work on it has begun; an interrupted session continues"`

	Progress sessionProgress `json:"progress"`
	Error    *jobs.Fault     `json:"error"`
	Links    sessionLinks    `json:"links"`
}

// sessionProgress is jobs.Progress, with lists that are never null.
type sessionProgress struct {
	jobs.Progress

	Failures []jobs.UnreadFile `json:"failures" nullable:"false" doc:"The first files that could not be read"`
	Notices  []string          `json:"notices" nullable:"false"`
}

type sessionLinks struct {
	Self   string `json:"self"`
	Events string `json:"events"`
}

func sessionPath(id int64) string { return sessionsPath + "/" + strconv.FormatInt(id, 10) }

func newSession(s jobs.Session) session {
	self := sessionPath(s.ID)
	j := session{
		Schema: wire.Schema, ID: s.ID, Directories: append([]string{}, s.Dirs...), Priority: s.Priority, Force: s.Force, State: s.State, Cancelling: s.Cancelling,
		Waiting: wire.OrNull(s.Waiting), CreatedAt: wire.Stamp(s.CreatedAt), StartedAt: stampOrNull(s.StartedAt), EndedAt: stampOrNull(s.EndedAt), Runs: s.Runs,
		Links: sessionLinks{self, self + "/events"},
	}
	j.Progress = sessionProgress{s.Progress, append([]jobs.UnreadFile{}, s.Progress.Failures...), append([]string{}, s.Progress.Notices...)}
	if len(s.Dirs) == 1 {
		j.Directory = &s.Dirs[0]
	}
	if s.Error != (jobs.Fault{}) {
		j.Error = &s.Error
	}
	return j
}

func stampOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return wire.OrNull(wire.Stamp(t))
}

// sessionList are the newest sessions.
type sessionList struct {
	Schema   int       `json:"schema"`
	Sessions []session `json:"sessions" nullable:"false"`
}

// maxListed is the number of sessions that a list may have.
const maxListed = 1000

// SessionID is the id of a session in an address.
type SessionID struct {
	ID int64 `path:"id" minimum:"1" doc:"The id of a session"`
}

// sessionRequest asks for a folder to be indexed.
type sessionRequest struct {
	Directory string        `json:"training_directory" minLength:"1" maxLength:"4096" doc:"The absolute path of the folder on the server"`
	Priority  jobs.Priority `json:"priority,omitempty" enum:"high,normal,low" default:"normal" doc:"A more urgent session interrupts a less urgent one, which continues later"`
	Force     bool          `json:"force,omitempty" doc:"Read unchanged files again, and those that could not be read before"`
}

// submitted is the answer to a new session.
type submitted struct {
	Location string `header:"Location"`
	Body     session
}

func (s *Server) addSessions(api huma.API) {
	create := operation(http.MethodPost, sessionsPath, "create-session", "Index a folder in the background",
		"The folder must lie in a folder that is indexed, or in one that the server allows. The same folder twice is one session.",
		http.StatusForbidden, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusRequestTimeout, http.StatusUnsupportedMediaType, http.StatusInsufficientStorage)
	create.DefaultStatus, create.MaxBodyBytes, create.BodyReadTimeout = http.StatusAccepted, maxBody+1, -1 // the guard has read and limited it
	register(s, api, create, s.limits.lookups, func(ctx context.Context, in *struct{ Body sessionRequest }) (*submitted, error) {
		one, err := s.addSession(ctx, in.Body)
		if err != nil {
			return nil, err
		}
		return &submitted{sessionPath(one.ID), newSession(one)}, nil
	})
	list := operation(http.MethodGet, sessionsPath, "sessions", "List the indexing sessions, the newest first", "", http.StatusForbidden)
	register(s, api, list, s.limits.lookups, func(ctx context.Context, in *struct {
		Top int `query:"top" minimum:"1" maximum:"1000" default:"100" doc:"At most so many sessions"`
	},
	) (*jsonAnswer[sessionList], error) {
		queue, err := s.sessions()
		if err != nil {
			return nil, err
		}
		all, err := queue.List(ctx, in.Top)
		body := sessionList{wire.Schema, make([]session, len(all))}
		for i, one := range all {
			body.Sessions[i] = newSession(one)
		}
		return &jsonAnswer[sessionList]{body}, err
	})
	get := operation(http.MethodGet, sessionsPath+"/{id}", "session", "An indexing session", "", http.StatusForbidden, http.StatusNotFound)
	register(s, api, get, s.limits.lookups, func(ctx context.Context, in *SessionID) (*jsonAnswer[session], error) {
		queue, err := s.sessions()
		if err != nil {
			return nil, err
		}
		one, err := queue.Session(ctx, in.ID)
		return &jsonAnswer[session]{newSession(one)}, err
	})
	cancel := operation(http.MethodDelete, sessionsPath+"/{id}", "cancel-session", "Cancel an indexing session",
		"What is indexed stays. A session that runs stops in an orderly way: until then, it is running and cancelling.", http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusInsufficientStorage)
	register(s, api, cancel, s.limits.lookups, func(ctx context.Context, in *SessionID) (*jsonAnswer[session], error) {
		queue, err := s.sessions()
		if err != nil {
			return nil, err
		}
		one, err := queue.Cancel(ctx, in.ID)
		return &jsonAnswer[session]{newSession(one)}, err
	})
	s.addEvents(api)
}

// addSession adds a session for a folder that a client may index.
func (s *Server) addSession(ctx context.Context, r sessionRequest) (one jobs.Session, err error) {
	queue, err := s.sessions()
	if err != nil {
		return one, err
	}
	dir, err := s.allowed(ctx, r.Directory)
	if err != nil {
		return one, err
	}
	one, _, err = queue.Submit(ctx, jobs.Request{Dirs: []string{dir}, Priority: r.Priority, Force: r.Force})
	return one, err
}

// addEvents serves a session's changes as server-sent events.
func (s *Server) addEvents(api huma.API) {
	op := operation(http.MethodGet, sessionsPath+"/{id}/events", "session-events", "The changes of an indexing session, as server-sent events",
		"Each event is the session. The stream ends when the session does. With Last-Event-ID, it begins with the first change after that one.", http.StatusForbidden, http.StatusNotFound)
	type input struct {
		SessionID
		Last string `header:"Last-Event-ID" doc:"The id of the last event that the client has"`
	}
	op.Responses["204"] = &huma.Response{Description: "The session has ended, and the client has its last event"}
	op.Middlewares = huma.Middlewares{func(c huma.Context, next func(huma.Context)) { // before the stream begins
		id, err := strconv.ParseInt(c.Param("id"), 10, 64)
		if err != nil || id < 1 { // which validation reports
			next(c)
			return
		}
		var one jobs.Session
		queue, err := s.sessions()
		if err == nil {
			one, err = queue.Session(c.Context(), id)
		}
		if err != nil {
			writeProblem(c, s.problemOf(err))
			return
		}
		if one.State.HasEnded() && c.Header("Last-Event-ID") == strconv.FormatInt(one.Revision, 10) { // which tells a browser not to come back
			c.SetStatus(http.StatusNoContent)
			return
		}
		if c.Method() == http.MethodHead {
			c.SetHeader("Content-Type", "text/event-stream")
			c.SetStatus(http.StatusOK)
			return
		}
		done, p := s.limits.streams.enter(c.Context())
		if p != nil {
			writeProblem(c, p)
			return
		}
		defer done()
		c.SetHeader("Cache-Control", "no-store")
		next(c)
	}}
	sse.Register(api, op, map[string]any{"session": session{}}, func(ctx context.Context, in *input, send sse.Sender) {
		revision, err := strconv.ParseInt(in.Last, 10, 64)
		if err != nil {
			revision = 0
		}
		s.stream(ctx, in.ID, revision, send)
	})
	// The schema is that of one event. In the stream, an id is text, and the data are JSON in text.
	for _, media := range api.OpenAPI().Paths[op.Path].Get.Responses["200"].Content {
		media.Schema = &huma.Schema{Title: "Event", Type: huma.TypeObject, Properties: map[string]*huma.Schema{
			"id": {Type: huma.TypeString}, "event": {Type: huma.TypeString, Enum: []any{"session"}},
			"data": {Type: huma.TypeString, Description: "The session as JSON", Extensions: map[string]any{
				"contentMediaType": "application/json", "contentSchema": map[string]any{"$ref": "#/components/schemas/Session"},
			}},
		}}
	}
}

// writeProblem sends a Problem instead of an operation's answer.
func writeProblem(c huma.Context, p *Problem) {
	_, w := humago.Unwrap(c)
	p.send(w)
}

// stillThere is how often an unchanged session is sent again, so that both sides notice when the other one is gone.
const stillThere = 15 * time.Second

// stream sends a session at each change after a revision until it has ended.
func (s *Server) stream(ctx context.Context, id, revision int64, send sse.Sender) {
	ctx, cancel := s.untilClosing(ctx)
	defer cancel()
	if one, err := s.queue.Session(ctx, id); err == nil && revision > one.Revision { // of another session, or of another queue
		revision = 0
	}
	for {
		wait, stop := context.WithTimeout(ctx, stillThere)
		one, err := s.queue.After(wait, id, revision)
		stop()
		if ctx.Err() != nil || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if one.ID == 0 { // the time was up while it was read
			continue
		}
		if err := send(sse.Message{ID: int(one.Revision), Data: newSession(one)}); err != nil || one.State.HasEnded() {
			return
		}
		revision = one.Revision
	}
}

// sessions returns the queue. If sessions are off, the error is a Problem.
func (s *Server) sessions() (jobs.Sessions, error) {
	if s.queue == nil {
		return nil, problem(http.StatusForbidden, forbidden, "the server is read-only", "start it without --read-only")
	}
	return s.queue, nil
}

// allowed returns the folder that a client wants to be indexed, cleaned. About a folder outside those that may be indexed it says nothing, not even whether
// it exists.
func (s *Server) allowed(ctx context.Context, dir string) (string, error) {
	if !filepath.IsAbs(dir) || strings.ContainsRune(dir, 0) {
		return "", invalid("training_directory", "not an absolute path", "use the path of a folder on the server")
	}
	dir = filepath.Clean(dir)
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	roots, err := ix.Roots(ctx)
	if err != nil {
		return "", err
	}
	above := append([]string{}, s.Allow...)
	for _, r := range roots {
		if r.Walked && !r.Elsewhere {
			above = append(above, r.Path)
		}
	}
	refused := problem(http.StatusForbidden, forbidden, "this folder may not be indexed from here", "name a folder in one that is indexed, or start the server with --allow DIR")
	above = slices.DeleteFunc(above, func(folder string) bool { return !isInOne([]string{folder}, dir) })
	if len(above) == 0 {
		return "", refused
	}
	there := targets(above)
	if len(there) == 0 { // its disk is not connected
		return "", invalid("training_directory", "there is no such folder", "connect its disk")
	}
	if !staysIn(there, dir) { // a link leads out
		return "", refused
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return "", invalid("training_directory", "there is no such folder", "check the path")
	case !info.IsDir():
		return "", invalid("training_directory", "not a folder", "name a folder")
	}
	return dir, nil
}

// staysIn reports whether a path is in one of the folders with links resolved. Of a path that does not exist, it resolves the part that does: whether something
// exists behind a link that leads out is not told.
func staysIn(folders []string, path string) bool {
	for {
		target, err := filepath.EvalSymlinks(path)
		if err == nil {
			return isInOne(folders, target)
		}
		if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSymlink { // to something that does not exist
			return false
		}
		above := filepath.Dir(path)
		if above == path {
			return false
		}
		path = above
	}
}

// isInOne reports whether a path is one of the folders, or below one.
func isInOne(folders []string, path string) bool {
	for _, folder := range folders {
		if _, inside := store.Relative(folder, path); inside {
			return true
		}
	}
	return false
}

// targets returns the folders with links resolved; those that do not exist are left out.
func targets(folders []string) (list []string) {
	for _, folder := range folders {
		if target, err := filepath.EvalSymlinks(folder); err == nil {
			list = append(list, target)
		}
	}
	return list
}
