package leaf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/nats-io/nkeys"
)

// Names are one subject token and one word of configuration text.
var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// maxPayloadLimit is the most that NATS accepts without calling it discouraged.
const maxPayloadLimit = 8 << 20

// validate reports every problem of s at once.
func (s Spec) validate() error {
	problems := []error{
		checkName("name", s.Name),
		s.checkListen(),
		s.checkSeed(),
		s.checkTap(),
		s.Outbox.validate(),
		s.checkImporters(),
		s.checkRemotes(),
		s.Hub.validate(),
	}
	if s.MaxPayload < 1024 || s.MaxPayload > maxPayloadLimit {
		problems = append(problems, fmt.Errorf("max payload %d: want 1024 to %d bytes", s.MaxPayload, maxPayloadLimit))
	}
	return errors.Join(problems...)
}

func checkName(what, name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%s %q: want 1 to 64 characters of A-Z a-z 0-9 - _", what, name)
	}
	return nil
}

func (s Spec) checkListen() error {
	if s.Listen == "" {
		if len(s.Importers) > 0 {
			return fmt.Errorf("importers are named, but there is no listen address: give one, such as 127.0.0.1:7401")
		}
		return nil
	}
	if _, _, err := splitListen(s.Listen); err != nil {
		return fmt.Errorf("listen %q: %w", s.Listen, err)
	}
	return nil
}

// splitListen takes host:port apart. A host that is missing would mean every
// interface, which has to be asked for by address.
func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("want host:port, such as 127.0.0.1:7401")
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("port %q: want 0 (any free) to 65535", text)
	}
	if host == "" {
		return "", 0, fmt.Errorf("no host: give one, such as 127.0.0.1, or 0.0.0.0 for every interface")
	}
	return host, port, nil
}

// checkSeed must not quote the seed, not even a bad one.
func (s Spec) checkSeed() error {
	if s.Certificates != nil && s.Plain {
		return fmt.Errorf("plain: links without TLS use no certificates: choose one of the two")
	}
	if s.Seed == "" {
		switch {
		case s.Certificates != nil:
		case len(s.Remotes) > 0:
			return fmt.Errorf("seed: none, but remotes are to be dialed: give an nkey user seed (SU…)")
		case s.Listen != "" && !s.Plain:
			return fmt.Errorf("seed: none, but importers want to know who listens: give an nkey user seed (SU…)")
		}
		return nil
	}
	prefix, _, err := nkeys.DecodeSeed([]byte(s.Seed))
	if err != nil || prefix != nkeys.PrefixByteUser {
		return fmt.Errorf("seed: not an nkey user seed: it starts with SU, see nk -gen user")
	}
	return nil
}

func (s Spec) checkTap() error {
	if s.Tap == nil {
		return nil
	}
	if s.Tap.User == "" || s.Tap.Password == "" {
		return fmt.Errorf("tap: needs a user and a password")
	}
	host, _, err := splitListen(s.Tap.Listen)
	if err != nil {
		return fmt.Errorf("tap listen %q: %w", s.Tap.Listen, err)
	}
	// Only an address counts: the name localhost can be made to mean anything.
	if address, err := netip.ParseAddr(host); err != nil || !address.IsLoopback() {
		return fmt.Errorf("tap listen %q: a tap listens on loopback only: use 127.0.0.1 or [::1]", s.Tap.Listen)
	}
	return nil
}

func (s Spec) checkImporters() error {
	var problems []error
	names, keys := map[string]bool{}, map[string]string{}
	for _, importer := range s.Importers {
		problems = append(problems, checkName("importer", importer.Name))
		if s.Certificates == nil && !importer.Shut {
			problems = append(problems, checkKeys("importer "+importer.Name, importer.Keys))
		}
		if importer.Name == s.Name {
			problems = append(problems, fmt.Errorf("importer %s: has this server's own name", importer.Name))
		}
		if names[importer.Name] {
			problems = append(problems, fmt.Errorf("importer %s: named twice", importer.Name))
		}
		names[importer.Name] = true
		for _, key := range importer.Keys {
			if other, ok := keys[key]; ok {
				problems = append(problems, fmt.Errorf("importer %s: has the key of %s: each node needs its own", importer.Name, other))
			}
			keys[key] = importer.Name
		}
	}
	return errors.Join(problems...)
}

// maxKeys is how many a peer may have: the present one and the next.
const maxKeys = 2

func checkKeys(peer string, keys []string) error {
	if len(keys) == 0 || len(keys) > maxKeys {
		return fmt.Errorf("%s: has %d keys: give one, or two while it changes from one to the other", peer, len(keys))
	}
	for _, key := range keys {
		if !nkeys.IsValidPublicUserKey(key) {
			return fmt.Errorf("%s: %q is no public nkey of a user (U…)", peer, key)
		}
	}
	return nil
}

func (s Spec) checkRemotes() error {
	var problems []error
	names, urls := map[string]bool{s.Name: true}, map[string]string{}
	for _, remote := range s.Remotes {
		if !s.Plain && s.Certificates == nil && remote.URL != "" {
			problems = append(problems, checkKeys("remote "+remote.Name, remote.Keys))
		}
		problems = append(problems, checkName("remote", remote.Name))
		if names[remote.Name] {
			problems = append(problems, fmt.Errorf("remote %s: named twice, or this server's own name", remote.Name))
		}
		names[remote.Name] = true
		if remote.URL == "" {
			continue
		}
		if _, err := parseRemoteURL(remote.URL); err != nil {
			problems = append(problems, fmt.Errorf("remote %s: %w", remote.Name, err))
		}
		if other, ok := urls[remote.URL]; ok {
			problems = append(problems, fmt.Errorf("remote %s: has the URL of %s", remote.Name, other))
		}
		urls[remote.URL] = remote.Name
	}
	return errors.Join(problems...)
}

// parseRemoteURL does not quote a URL with credentials in it.
func parseRemoteURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("url: not a URL: want nats-leaf://host:port")
	}
	if u.User != nil {
		return nil, fmt.Errorf("url: holds credentials: a node dials with its nkey, remove them")
	}
	if u.Scheme != "nats-leaf" && u.Scheme != "nats" {
		return nil, fmt.Errorf("url %q: scheme %q: want nats-leaf://host:port", text, u.Scheme)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil || port < 1 || port > 65535 || u.Hostname() == "" {
		return nil, fmt.Errorf("url %q: want a host and a port, nats-leaf://host:port", text)
	}
	if u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("url %q: more than nats-leaf://host:port", text)
	}
	return u, nil
}
