package console

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"leafmesh/mesh/logs"
)

// tokenHeader has the token of the session in each request. What changes something, and all that a
// private console is asked, needs it. Only a page of this console can read it, and a page of
// another origin cannot even send the header.
const tokenHeader = "Console-Token"

// maxBody bounds a request to change something.
const maxBody = 64 << 10

// change lets a handler change something for who may, and asks with the token of this console.
func (c *Console) change(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case c.Changer == nil:
			fail(w, http.StatusForbidden, "this console only shows: a daemon's changes something if it has a token")
		case !c.hasToken(r):
			fail(w, http.StatusForbidden, "the request is not of a page of this console: load the page again")
		default:
			h(w, r)
		}
	}
}

// read reads what a page asks for. If it is nothing of the form, that is answered.
func read[T any](w http.ResponseWriter, r *http.Request) (in T, ok bool) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return in, false
	}
	return in, true
}

// done answers what became of a change of a node. The log has it each time, as nobody else
// remembers it.
func (c *Console) done(w http.ResponseWriter, r *http.Request, node string, asked any, err error) {
	c.now.forget()
	data, _ := json.Marshal(asked) // it came as JSON
	ctx := logs.Each(context.Background())
	attrs := []any{"node", node, "operator", "console", "question", strings.TrimPrefix(r.URL.Path, "/api/"),
		"data", logs.Excerpt(data)}
	if err != nil {
		c.Logger.WarnContext(ctx, "an operator could not change the node", append(attrs, "error", err)...)
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	c.Logger.InfoContext(ctx, "an operator changed the node", attrs...)
	respond(w, struct{}{})
}
