package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics reports; nil: nothing is counted.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "imgsearch_request_duration_seconds", Help: "Time to answer requests.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})
	gauge := func(name, help string, value func(ctx context.Context) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			return value(ctx)
		})
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("imgsearch_pictures", "Pictures in the index.", func(ctx context.Context) float64 { p, _ := s.counts(ctx); return float64(p) }),
		gauge("imgsearch_files", "Files in the index.", func(ctx context.Context) float64 { _, f := s.counts(ctx); return float64(f) }),
		gauge("imgsearch_sessions_waiting", "Indexing sessions that wait or run.", s.unended),
		gauge("imgsearch_ready", "Whether the server answers queries.", func(context.Context) float64 {
			if s.ready.Load() {
				return 1
			}
			return 0
		}),
	)
	return m
}

// counts returns the numbers of pictures and files in the index.
func (s *Server) counts(ctx context.Context) (pictures, files int) {
	if !s.ready.Load() {
		return 0, 0
	}
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return 0, 0
	}
	defer done()
	n, err := ix.Totals(ctx)
	if err != nil {
		return 0, 0
	}
	return n.Pictures, n.Files
}

// unended returns the number of sessions that have not ended, among the newest.
func (s *Server) unended(ctx context.Context) (n float64) {
	if !s.ready.Load() || s.queue == nil {
		return 0
	}
	list, err := s.queue.List(ctx, maxListed)
	if err != nil {
		return 0
	}
	for _, session := range list {
		if !session.State.HasEnded() {
			n++
		}
	}
	return n
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// request counts a request by its route, so that ids and wrong addresses do not make a series each.
func (m *metrics) request(r *http.Request, status int, took time.Duration) {
	if m == nil {
		return
	}
	_, route, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		route = "none"
	}
	method := r.Method
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}
