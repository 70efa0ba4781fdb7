package door

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// guard lets in who has the token. Without one it lets in this machine, by the names that it has
// for itself.
func guard(c Config, h http.Handler) (http.Handler, error) {
	if c.Token.IsZero() {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isLoopback(HostOf(r)) {
				http.Error(w, "ask for this port by 127.0.0.1 or localhost", http.StatusForbidden)
				return
			}
			h.ServeHTTP(w, r)
		}), nil
	}
	token, err := c.Token.Resolve()
	if err != nil {
		return nil, err
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(tokenOf(r)))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			// Programs know Bearer, and browsers ask for a password.
			w.Header().Add("WWW-Authenticate", "Bearer")
			w.Header().Add("WWW-Authenticate", `Basic realm="leafmesh: the token is the password", charset="UTF-8"`)
			http.Error(w, `send the token: "Authorization: Bearer TOKEN", or as the password of any user`, http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	}), nil
}

// tokenOf is the token that a request brings, "" for none.
func tokenOf(r *http.Request) string {
	if _, password, isBasic := r.BasicAuth(); isBasic {
		return password
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(given)
}

// writeTimeout is how long a bounded answer may take.
const writeTimeout = 15 * time.Second

// inTime is under what a request's context has the function that keeps it from ending with open:
// see endless.
type inTime struct{}

// endless ends the contexts of requests with open, unless they are bounded.
func endless(open context.Context, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := context.WithCancel(r.Context())
		defer end()
		keep := context.AfterFunc(open, end)
		defer keep()
		h.ServeHTTP(w, r.WithContext(context.WithValue(ctx, inTime{}, keep)))
	})
}

// Bounded gives an answer 15 s to be written, also when the server is closed meanwhile. A profile
// or a stream takes longer, and is not bounded so.
func Bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if keep, served := r.Context().Value(inTime{}).(func() bool); served {
			keep()
		}
		// A writer that knows no deadline is no connection, and needs none.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		h.ServeHTTP(w, r)
	})
}
