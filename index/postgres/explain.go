package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/imgsearch/imgsearch/index/store"
)

// Error codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	uniqueViolation  = "23505"
	undefinedTable   = "42P01"
	denied           = "42501"
	readOnly         = "25006"
	diskFull         = "53100"
	badPassword      = "28P01"
	badAuthorization = "28000"
	unknownDatabase  = "3D000"
	tooMany          = "53300"
	idleTimeout      = "25P03"
	idleSession      = "57P05"
	brokenClass      = "08"
	shuttingDown     = "57P01"
	crashed          = "57P02"
	starting         = "57P03"
	dataCorrupted    = "XX001"
	indexCorrupted   = "XX002"
)

// code returns the server's error code, "" if the error is not the server's.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func isDenied(err error) bool { c := code(err); return c == denied || c == readOnly }

// explain translates errors of the server and of the connection. Its messages never contain a password.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case undefinedTable:
			return store.ErrNoIndex
		case denied, readOnly:
			return fmt.Errorf("%w: %s", store.ErrRole, pg.Message)
		case diskFull:
			return fmt.Errorf("%w: %s", store.ErrFull, pg.Message)
		case badPassword, badAuthorization:
			return fmt.Errorf("%w: %s", store.ErrLogin, pg.Message)
		case unknownDatabase:
			return fmt.Errorf("%w: %s", store.ErrNoDatabase, pg.Message)
		case tooMany, shuttingDown, crashed, starting, idleTimeout, idleSession:
			return fmt.Errorf("%w: %s", store.ErrServer, pg.Message)
		case dataCorrupted, indexCorrupted:
			return fmt.Errorf("%w: %s", store.ErrDamaged, pg.Message)
		}
		if strings.HasPrefix(pg.Code, brokenClass) {
			return fmt.Errorf("%w: %s", store.ErrServer, pg.Message)
		}
		return fmt.Errorf("the database server: %s", pg.Message)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	var extension *store.ExtensionError
	switch {
	case errors.As(err, &extension):
		return extension
	case errors.As(err, &connect):
		return fmt.Errorf("%w: %s", store.ErrServer, cause(connect))
	case errors.Is(err, context.DeadlineExceeded):
		return err // the caller's
	case errors.Is(err, pgx.ErrTxClosed), errors.Is(err, pgx.ErrTxCommitRollback), strings.Contains(err.Error(), "conn closed"): // for which pgx has no error of its own
		return fmt.Errorf("%w: the connection is closed", store.ErrServer)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: it closed the connection", store.ErrServer)
	case errors.As(err, &network), pgconn.Timeout(err), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w: %w", store.ErrServer, err)
	}
	return err
}

// cause returns the innermost reason why connecting failed: "connection refused".
func cause(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "host " + dns.Name + " not found"
	}
	for {
		var joined interface{ Unwrap() []error }
		next := errors.Unwrap(err)
		if next == nil && errors.As(err, &joined) {
			if list := joined.Unwrap(); len(list) > 0 {
				next = list[len(list)-1]
			}
		}
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
