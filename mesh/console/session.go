package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"
)

// An invitation can be taken for a short time, as it stands on a screen, and what it opens ends at
// some time, as a page may be left open.
const (
	inviteFor  = 2 * time.Minute
	sessionFor = 8 * time.Hour
)

// session is that of a private console: one page takes the invitation, and from then on what brings
// the console's token is answered, until the session ends. A cookie would not do: browsers send it
// to each port of a host, and so to the servers of others on this machine.
type session struct {
	mu     sync.Mutex
	secret string    // guarded by mu: of the invitation; "" if there is none, or it was taken
	until  time.Time // guarded by mu: how long the invitation can be taken
	ends   time.Time // guarded by mu: zero before a page has opened it
}

// Invite makes the path of an invitation to a private console, with a secret behind its "#", which
// browsers keep to themselves: whoever opens it first, within two minutes, has the console for
// eight hours. An earlier invitation ends, and pages that were let in before are so again: a
// console has one token for as long as it lives.
func (c *Console) Invite() (path string) {
	s := &c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret, s.until = rand.Text(), wall().Add(inviteFor)
	return "/#open=" + s.secret
}

// take takes the invitation of a secret, and reports whether there is one.
func (s *session) take(secret string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secret == "" || !now.Before(s.until) || subtle.ConstantTimeCompare([]byte(secret), []byte(s.secret)) == 0 {
		return false
	}
	s.secret, s.ends = "", now.Add(sessionFor)
	return true
}

// end is when the session ends; the zero time if no page has opened it.
func (s *session) end() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ends
}

// wall is the time without the monotonic clock, which stands still while a machine sleeps.
func wall() time.Time { return time.Now().Round(0) }

// postSession opens the session for a page that has the invitation.
func (c *Console) postSession(w http.ResponseWriter, r *http.Request) {
	in, ok := read[struct {
		Secret string `json:"secret"`
	}](w, r)
	switch {
	case !ok:
	case !c.session.take(in.Secret, wall()):
		fail(w, http.StatusForbidden, "this address was opened before, or more than two minutes ago: run meshctl console again")
	default:
		c.getSession(w, r)
	}
}

// getSession is what a page asks for first.
func (c *Console) getSession(w http.ResponseWriter, _ *http.Request) {
	respond(w, struct {
		Token   string `json:"token"`
		Changes bool   `json:"changes"` // it changes nodes, if they let it
		Links   []Link `json:"links"`
	}{c.token, c.Changer != nil, append([]Link{}, c.Links...)})
}

// hasToken reports whether a request brings the token of this console.
func (c *Console) hasToken(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(c.token)) == 1
}

// inSession lets a handler answer those who may ask: of a private console its session alone, and no
// longer than that lasts.
func (c *Console) inSession(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c.Private {
			left := c.session.end().Sub(wall())
			if !c.hasToken(r) || left <= 0 {
				fail(w, http.StatusUnauthorized, "this console is open to one session alone, which has ended or is not yours: run meshctl console")
				return
			}
			ctx, cancel := context.WithTimeout(r.Context(), left)
			defer cancel()
			r = r.WithContext(ctx)
		}
		h(w, r)
	}
}
