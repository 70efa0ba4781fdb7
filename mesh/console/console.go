package console

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"

	"leafmesh/mesh/door"
)

// Options say what a console shows and lets do.
type Options struct {
	Source Source
	// Changer changes nodes for whoever gets in; nil: the console only shows.
	Changer Changer
	// Logger is told of each change, in the words of a node that an operator changes; nil: nobody
	// is.
	Logger *slog.Logger
	// Private lets nothing be asked but by a page that has taken an invitation: see
	// [Console.Invite]. Pages of the program are not private by it.
	Private bool
	// Links lead from the console's menu to other pages of the program.
	Links []Link
	// Pages are what else is served, by patterns of http.ServeMux: "/hunt/". They get the headers
	// of the console's own pages, and its protection against other origins. How long an answer
	// takes is for them to bound: see door.Bounded. A page may load /assets/style.css and
	// /assets/dom.js.
	Pages map[string]http.Handler
}

// Link leads to a page of the program.
type Link struct {
	Text string `json:"text"`
	Path string `json:"path"` // on the same server: "/hunt/"
}

// Console is the handler of a console's page and of what the page asks for. Serve it at the root of
// its server. Who gets in is for the server to say: see package door, which [Serve] uses.
type Console struct {
	Options
	routes http.Handler
	token  string // that a page sends with each question
	ctx    context.Context
	end    context.CancelFunc
	now    *answers
	live   *live

	session session
}

// New makes a console. Close ends it.
func New(o Options) *Console {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Console{Options: o, token: rand.Text(), now: newAnswers(o.Source, o.Changer)}
	c.ctx, c.end = context.WithCancel(context.Background())
	c.live = newLive(c.ctx, c.now)
	c.routes = c.protect(c.mux())
	return c
}

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.routes.ServeHTTP(w, r) }

// Close ends the streams, so that a server can shut down. Call it once.
func (c *Console) Close() {
	c.end()
	c.live.end()
}

// mux says what is where. A view is a path of the page: the script shows it, so that each has a
// link that can be shared.
func (c *Console) mux() http.Handler {
	short := http.NewServeMux()
	for _, view := range []string{"/{$}", "/cascades", "/cascade/{id}", "/limits", "/letters"} {
		short.HandleFunc("GET "+view, page)
	}
	short.Handle("GET /assets/", assets())
	for path, get := range map[string]http.HandlerFunc{
		"session": c.getSession, "cascades": c.getCascades, "cascade": c.getCascade, "limits": c.getLimits, "letters": c.getLetters,
	} {
		short.HandleFunc("GET /api/"+path, c.inSession(get))
	}
	if c.Private {
		short.HandleFunc("POST /api/session", c.postSession)
	}
	for path, change := range map[string]http.HandlerFunc{
		"limit": c.postLimit, "cut": c.postCut, "letter/replay": c.postReplay, "letter/drop": c.postDrop,
	} {
		short.HandleFunc("POST /api/"+path, c.inSession(c.change(change)))
	}
	all := http.NewServeMux()
	all.Handle("/", door.Bounded(short))
	for pattern, pages := range c.Pages {
		all.Handle(pattern, pages)
	}
	all.HandleFunc("GET /api/live", c.inSession(c.live.stream))
	return all
}

// policy lets a page load from this server alone, run no script that stands in it, and be framed by
// nobody.
var policy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
	"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
}, "; ")

// protect refuses what pages of other origins send to change something, and bounds what our own
// pages can do.
func (c *Console) protect(h http.Handler) http.Handler {
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "requests from pages of another origin may only read")
	}))
	h = own.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers := w.Header()
		headers.Set("Content-Security-Policy", policy)
		headers.Set("X-Content-Type-Options", "nosniff")
		headers.Set("Referrer-Policy", "no-referrer")
		headers.Set("Cross-Origin-Opener-Policy", "same-origin")
		headers.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.ServeHTTP(w, r)
	})
}
