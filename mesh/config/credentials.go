package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
)

// CheckCredentials reads the file of Credentials and says what keeps a hub from taking it at that
// time: it cannot be read, it holds no credentials of a user, or they are not valid yet or no
// longer. Nil says that none of these is so; the hub may still refuse them. Errors are FieldErrors
// relative to the hub, with the remedy and without what the file holds.
func (h Hub) CheckCredentials(now time.Time) error {
	user, err := h.readCredentials()
	if err != nil {
		return InField("credentials", err)
	}
	const renew = "have the hub's account renew them, and put them there: the node reads the file each time that it dials"
	switch begin, end := time.Unix(user.NotBefore, 0).UTC(), time.Unix(user.Expires, 0).UTC(); {
	case user.Expires != 0 && !now.Before(end):
		return InField("credentials", unreadable(fmt.Errorf("%s expired at %s", h.Credentials, end.Format(time.RFC3339)), renew))
	case user.NotBefore != 0 && now.Before(begin):
		return InField("credentials", unreadable(fmt.Errorf("%s is not valid before %s", h.Credentials, begin.Format(time.RFC3339)), "look at this machine's clock; or "+renew))
	}
	return nil
}

// readCredentials reads the file that nsc makes: the JWT of a user, and its seed.
func (h Hub) readCredentials() (*jwt.UserClaims, error) {
	text, err := readSecretFile(string(h.Credentials))
	if err != nil {
		return nil, err
	}
	const remedy = "make it with: nsc generate creds --account ACCOUNT --name NODE --output-file FILE"
	// The library's own errors are left out: they could come to show what they were given.
	token, err := jwt.ParseDecoratedJWT([]byte(text))
	if err != nil {
		return nil, unreadable(fmt.Errorf("%s holds no JWT", h.Credentials), remedy)
	}
	user, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return nil, unreadable(fmt.Errorf("%s holds no JWT of a user", h.Credentials), remedy)
	}
	pair, err := jwt.ParseDecoratedUserNKey([]byte(text))
	if err != nil {
		return nil, unreadable(fmt.Errorf("%s holds no seed of a user", h.Credentials), remedy)
	}
	defer pair.Wipe()
	if key, err := pair.PublicKey(); err != nil || key != user.Subject {
		return nil, unreadable(fmt.Errorf("%s holds a seed that is not that of its JWT", h.Credentials), remedy)
	}
	return user, nil
}

// hubCredentials checks the file that signs in. That they have expired keeps no node from starting:
// it reads the file again each time that it dials, and is not ready until then.
func (v *validation) hubCredentials(h *Hub) {
	user, err := h.readCredentials()
	switch {
	case err != nil:
		v.addErr("hub.credentials", err)
	case user.Subject == v.publicKey:
		v.addErr("hub.credentials", unreadable(errors.New("the seed in it is the node's own: a hub has whatever it likes signed with it"),
			"make a user with a key of its own: meshctl hub --jwt"))
	}
}
