package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls the three services.
type Client struct {
	clue, hunt, score string // base URLs without a slash at the end
	http              *http.Client
}

// maxAnswer bounds an answer's body, in bytes: a leaderboard of 100,000 teams fits.
const maxAnswer = 64 << 20

// callTimeout bounds one call; the servers give up after 15 s.
const callTimeout = 20 * time.Second

// New makes a client of three base URLs, http://127.0.0.1:8081 for example. callers is how many
// calls will be under way at a time: so many connections are kept open. It fails for what is no
// base URL.
func New(clue, hunt, score string, callers int) (*Client, error) {
	c := &Client{clue: trim(clue), hunt: trim(hunt), score: trim(score)}
	for _, base := range []string{c.clue, c.hunt, c.score} {
		u, err := url.Parse(base)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
			return nil, fmt.Errorf("%.200q is no base URL like http://127.0.0.1:8081", base)
		}
	}
	transport := &http.Transport{MaxIdleConns: 3 * callers, MaxIdleConnsPerHost: callers, IdleConnTimeout: 30 * time.Second}
	c.http = &http.Client{Transport: transport, Timeout: callTimeout}
	return c, nil
}

func trim(base string) string { return strings.TrimRight(base, "/") }

// Close closes the connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Problem is an answer that says why a call failed.
type Problem struct {
	Status     int    `json:"status"`
	Title      string `json:"title"`
	Detail     string `json:"detail"`
	retryAfter time.Duration
}

// Error gives the status, the title and the detail.
func (p *Problem) Error() string {
	text := strconv.Itoa(p.Status) + " " + p.Title
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	return text
}

// Is reports whether err is a problem with this status.
func Is(err error, status int) bool {
	p, ok := errors.AsType[*Problem](err)
	return ok && p.Status == status
}

// call sends one request, again if the server asks for it, and decodes the answer into out.
func (c *Client) call(ctx context.Context, method, address string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode the request to %s: %w", address, err)
		}
	}
	for {
		err := c.once(ctx, method, address, body, out)
		p, ok := errors.AsType[*Problem](err)
		if !ok || !p.again() {
			return err
		}
		if err := wait(ctx, p.retryAfter); err != nil {
			return fmt.Errorf("%s %s: told to come back later, and then: %w", method, address, err)
		}
	}
}

// longestRetry tells a server that is busy from a team that is locked out: both are status 429, and
// servers ask for a second or two.
const longestRetry = 2 * time.Second

// again reports whether the server wants the same request once more.
func (p *Problem) again() bool {
	return p.Status == http.StatusTooManyRequests && p.retryAfter > 0 && p.retryAfter <= longestRetry
}

func (c *Client) once(ctx context.Context, method, address string, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err // names method and URL
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, address, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %w", method, address, problem(response, answer))
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, address, err)
	}
	return nil
}

func problem(response *http.Response, body []byte) *Problem {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Title == "" { // some other server's
		p.Title = http.StatusText(response.StatusCode)
	}
	p.Status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.retryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

// wait waits, or until ctx ends: then it returns its error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
