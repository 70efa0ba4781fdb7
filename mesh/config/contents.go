package config

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"

	"github.com/nats-io/nkeys"

	"leafmesh/mesh/internal/document"
)

// Contents are what the files and variables hold that a configuration names: keys, secrets and
// certificates. A public key stands for itself and for its seed, a digest for all else.
type Contents struct{ entries []content }

// content is what one field leads to.
type content struct {
	field, at string
	// public says what it is, if that is no secret; digest tells one content from another.
	public string
	digest [sha256.Size]byte
	live   bool
}

// Contents reads what the configuration names. It must be valid. Errors are FieldErrors.
func (n Node) Contents() (Contents, error) { return ContentsOf(n) }

// ContentsOf reads what a configuration names, a node's or a service's own: all that is a [Secret],
// and the files at paths that have the tag `contents`. As `reload` says it of the field itself,
// "live" or "restart" there says whether a running node takes another content. Errors are
// FieldErrors.
func ContentsOf[T any](configuration T) (Contents, error) {
	r := &reading{}
	r.values(step{}, false, reflect.ValueOf(&configuration).Elem())
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

// Diff gives the differences between two readings, without what the fields themselves say: see
// [Diff].
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

// values reads what a value leads to. file says that it is the path of one that counts.
func (r *reading) values(s step, file bool, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[Secret]():
		if secret := v.Interface().(Secret); !secret.IsZero() {
			value, err := secret.Resolve()
			r.add(s, []byte(value), publicKeyOf(value), err)
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		r.values(s, file, v.Elem())
	case isTable(v.Type()):
		r.structs(s, v)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			r.values(s.entry(v.Index(i), i), false, v.Index(i))
		}
	case file && v.String() != "":
		data, err := readNamed(v.String())
		public := ""
		if nkeys.IsValidPublicKey(string(data)) {
			public = string(data)
		}
		r.add(s, data, public, err)
	}
}

func (r *reading) structs(s step, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, inline := keyOf(f)
		tag, file := f.Tag.Lookup("contents")
		switch {
		case name == "-" || !f.IsExported():
		case inline:
			r.values(s, false, v.Field(i))
		case file:
			r.values(s.below(name, tag == "live"), tag != "none", v.Field(i))
		default:
			r.values(s.below(name, f.Tag.Get("reload") == "live"), false, v.Field(i))
		}
	}
}

// add takes what a field leads to. public is the key that it has or leads to, which is no secret.
func (r *reading) add(s step, data []byte, public string, err error) {
	if err != nil {
		r.problems = append(r.problems, FieldErrors(InField(s.at, err))...)
		return
	}
	sum := sha256.Sum256(data)
	r.entries = append(r.entries, content{field: s.field, at: s.at, public: public, digest: sum, live: s.live})
}

// readNamed reads the file of a key or of certificates, without the space around it.
func readNamed(path string) ([]byte, error) {
	data, err := readRegular(path, maxPEMBytes)
	if err == nil && len(data) > maxPEMBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, maxPEMBytes)
	}
	if err != nil {
		return nil, unreadable(err, "name a file that this process's user may read")
	}
	return bytes.TrimSpace(bytes.TrimPrefix(data, []byte(document.ByteOrderMark))), nil
}
