package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	sessionsPagePath = "/sessions"
	// sessionsShown is the number of sessions on the page.
	sessionsShown = 20
)

// sessionsView is the page of indexing sessions.
type sessionsView struct {
	frame

	Folders     []string
	Folder      string // that was asked for
	ReadOnly    bool
	Sessions    []sessionView
	Error, Hint string
	// Refresh says that something will change.
	Refresh bool
}

// sessionView is a session in words.
type sessionView struct {
	ID             int64
	Folder         string
	State, Summary string
	Done, Of       int
	Events         string
	Ended          bool
	// Followed says that the page follows its progress: that of one session, since browsers open few connections to a server.
	Followed    bool
	Error, Hint string
	Failures    []jobs.UnreadFile
}

// newSessionView describes a session.
func newSessionView(s jobs.Session) sessionView {
	p := s.Progress
	v := sessionView{
		ID: s.ID, Folder: "All folders", State: string(s.State), Done: p.Read, Of: max(p.Found, p.Read), Events: sessionPath(s.ID) + "/events",
		Ended: s.State.HasEnded(), Error: upperFirst(s.Error.Message), Hint: s.Error.Hint, Failures: p.Failures,
	}
	if len(s.Dirs) > 0 {
		v.Folder = words.Path(strings.Join(s.Dirs, ", "))
	}
	switch {
	case s.Cancelling:
		v.Summary = "Stopping"
	case s.State == jobs.Queued && s.Waiting != "":
		v.Summary = "Waiting: " + s.Waiting
	case s.State == jobs.Queued:
		v.Summary = "Waiting for its turn"
	case s.State == jobs.Running:
		v.Summary = fmt.Sprintf("%d of %d files read", p.Read, v.Of)
	default:
		v.Summary = fmt.Sprintf("%d added, %d updated, %d unchanged, %d could not be read", p.Added, p.Updated, p.Unchanged, p.Failed)
	}
	return v
}

func (s *Server) showSessions(w http.ResponseWriter, r *http.Request) {
	s.writeSessions(r.Context(), w, http.StatusOK, sessionsView{})
}

func (s *Server) writeSessions(ctx context.Context, w http.ResponseWriter, status int, v sessionsView) {
	v.frame = frame{"Indexing", "sessions"}
	v.ReadOnly = s.queue == nil
	var err error
	if v.Folders, err = s.folders(ctx); err == nil && !v.ReadOnly {
		var all []jobs.Session
		all, err = s.queue.List(ctx, sessionsShown)
		for _, one := range all {
			view := newSessionView(one)
			v.Refresh = v.Refresh || !view.Ended
			v.Sessions = append(v.Sessions, view)
		}
		if i := slices.IndexFunc(v.Sessions, func(one sessionView) bool { return one.State == string(jobs.Running) }); i >= 0 {
			v.Sessions[i].Followed = true
		} else if i := slices.IndexFunc(v.Sessions, func(one sessionView) bool { return !one.Ended }); i >= 0 {
			v.Sessions[i].Followed = true
		}
	}
	if err != nil {
		p := s.problemOf(err)
		status, v.Error, v.Hint = p.Status, upperFirst(p.Detail), p.Hint
	}
	galleryPages.show(w, status, "sessions", v)
}

// changeSessions adds a session, or cancels one, for a form. CrossOriginProtection has refused forms of other sites.
func (s *Server) changeSessions(w http.ResponseWriter, r *http.Request) {
	var err error
	if cancel := r.PostFormValue("cancel"); cancel != "" {
		err = s.cancelSession(r.Context(), cancel)
	} else {
		_, err = s.addSession(r.Context(), sessionRequest{Directory: strings.TrimSpace(r.PostFormValue("folder")), Priority: jobs.Normal})
	}
	if err != nil {
		p := s.problemOf(err)
		detail := strings.TrimPrefix(p.Detail, "training_directory: ")
		s.writeSessions(r.Context(), w, p.Status, sessionsView{Error: upperFirst(detail), Hint: p.Hint, Folder: r.PostFormValue("folder")})
		return
	}
	http.Redirect(w, r, sessionsPagePath, http.StatusSeeOther)
}

func (s *Server) cancelSession(ctx context.Context, number string) error {
	queue, err := s.sessions()
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return jobs.ErrNoSession
	}
	_, err = queue.Cancel(ctx, id)
	return err
}
