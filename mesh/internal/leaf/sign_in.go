package leaf

import (
	"errors"
	"slices"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// signIn names the file with the credentials. It is not in the configuration text, in which
// nats-server takes a $ in a path for a variable.
func (h *Hub) signIn(remote *server.RemoteLeafOpts) { remote.Credentials = h.Credentials }

func (h *Hub) checkSignIn() error {
	switch {
	case h.Seed != "":
		return errors.New("hub: it has a seed and credentials: give one of the two")
	case h.Check == nil:
		return errors.New("hub: nobody checks its credentials")
	}
	return nil
}

// credentialsField begins the remedies of refused.
const credentialsField = "hub.credentials: "

// refusals are what a hub, or nats-server of the file itself, says of credentials.
var refusals = []string{"Authorization Violation", "Authentication Expired", "Authentication Revoked", "Authentication Timeout", "Credentials file"}

// refused is what to do about a line on the hub that is about the credentials; "" for other lines.
// Of all reasons to refuse them a hub tells only one, so the file is looked at.
func (h *Hub) refused(text string) (remedy string) {
	if h == nil || h.Credentials == "" {
		return ""
	}
	if !strings.Contains(text, h.Credentials) && !slices.ContainsFunc(refusals, func(said string) bool { return strings.Contains(text, said) }) {
		return ""
	}
	if err := h.Check(); err != nil {
		return err.Error()
	}
	return credentialsField + h.Credentials + " is not taken: the user was revoked, or is of another account or operator; " +
		"have the hub's account make a user, and put its credentials there: the node reads the file each time that it dials"
}
