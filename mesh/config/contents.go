package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
)

// Contents are what the files and variables hold that a configuration names: keys, secrets and
// certificates. A public key stands for itself and for its seed, a digest for all else.
type Contents struct{ entries []content }

// content is what one field leads to.
type content struct {
	field, at string
	// public says what it is, if that is no secret; digest tells one content from another.
	public, digest string
	live           bool
}

// Contents reads what the configuration names. It must be valid. Errors are FieldErrors.
func (n Node) Contents() (Contents, error) {
	r := &reading{}
	r.seed("seed", n.Seed, true)
	for i, p := range n.Peers {
		r.keys(p, fmt.Sprintf("peers[%s]", p.Name), fmt.Sprintf("peers[%d]", i))
	}
	r.file("links.ca", n.Links.CA, true)
	r.file("links.certificate", n.Links.Certificate, true)
	r.file("links.key", n.Links.Key, true)
	r.seed("links.plain_seed", n.Links.PlainSeed, true)
	if n.Hub != nil {
		r.seed("hub.seed", n.Hub.Seed, false)
		r.file("hub.ca", n.Hub.CA, true)
	}
	if n.Tap != nil {
		r.secret("tap.password", n.Tap.Password, false)
	}
	return Contents{r.entries}, joined(r.problems)
}

// With is c with what another reading has under a field, in place of what it has there itself.
func (c Contents) With(other Contents, field string) Contents {
	all := slices.DeleteFunc(slices.Clone(c.entries), func(e content) bool { return within(e.at, field) })
	for _, e := range other.entries {
		if within(e.at, field) {
			all = append(all, e)
		}
	}
	return Contents{all}
}

// Diff gives the differences between two readings, without what the fields themselves say: see [Diff].
func (c Contents) Diff(next Contents) (changes Changes) {
	for _, now := range next.entries {
		at := slices.IndexFunc(c.entries, func(before content) bool { return before.field == now.field })
		if at < 0 || c.entries[at].digest == now.digest {
			continue
		}
		change := Change{Field: now.field, Old: c.entries[at].public, New: now.public, Live: now.live, at: now.at}
		if now.public == "" {
			change.Old, change.New = "what it held", "what it holds now"
		}
		changes = append(changes, change)
	}
	return changes
}

// reading collects contents, and what is wrong with them.
type reading struct {
	entries  []content
	problems []*FieldError
}

func (r *reading) add(c content, err error) {
	if err != nil {
		r.problems = append(r.problems, FieldErrors(InField(c.at, err))...)
		return
	}
	r.entries = append(r.entries, c)
}

func (r *reading) secret(field string, s Secret, live bool) {
	if s.IsZero() {
		return
	}
	value, err := s.Resolve()
	r.add(content{field: field, at: field, digest: digestOf([]byte(value)), live: live}, err)
}

// seed is a secret of which the public key may be told.
func (r *reading) seed(field string, s Secret, live bool) {
	if s.IsZero() {
		return
	}
	value, err := s.Resolve()
	r.add(content{field: field, at: field, public: publicKeyOf(value), digest: digestOf([]byte(value)), live: live}, err)
}

// keys are those of a peer that stand in files.
func (r *reading) keys(p Peer, field, at string) {
	present, next := p.keys()
	for _, source := range []keySource{present, next} {
		if source.file == "" {
			continue
		}
		key, err := source.read()
		r.add(content{field: field + "." + source.at(), at: at + "." + source.at(), public: key, digest: key, live: true}, err)
	}
}

func (r *reading) file(field string, path Path, live bool) {
	if path == "" {
		return
	}
	data, err := os.ReadFile(string(path))
	r.add(content{field: field, at: field, digest: digestOf(data), live: live}, err)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
