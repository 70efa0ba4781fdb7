package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"leafmesh/mesh/internal/configtest"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretsNeverPrint(t *testing.T) {
	const value = "hunter2-and-more"
	type holder struct {
		Open   Secret
		hidden Secret
		nested *Secret
	}
	secret := NewSecret(value)
	for _, v := range []any{secret, &secret, holder{secret, secret, &secret}, []Secret{secret}, map[string]Secret{"a": secret},
		Node{Name: "clue-1", Seed: secret, Tap: &Tap{Password: secret}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%t", "%p"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) || strings.Contains(text, fmt.Sprintf("%X", value)) {
				t.Errorf("%s of a %T prints the secret: %s", verb, v, text)
			}
		}
		data, err := json.Marshal(v)
		if err == nil && bytes.Contains(data, []byte(value)) {
			t.Errorf("the JSON of a %T holds the secret: %s", v, data)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("open", "it", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("open", "it", v)
		if strings.Contains(log.String(), value) {
			t.Errorf("the log of a %T holds the secret: %s", v, log.String())
		}
	}
	if got := fmt.Sprintf("%v %d %#v", secret, secret, secret); got != "(secret) (secret) config.Secret{…}" {
		t.Errorf("prints as %s", got)
	}
}

func TestSecretsResolve(t *testing.T) {
	folder, seed := configtest.NewFolder(t)
	path := filepath.Join(folder, "group.nk")
	configtest.WriteFile(t, path, seed, 0o640)
	t.Setenv("CLUE_SEED", " "+seed+"\n")
	for name, secret := range map[string]Secret{
		"a file":                 {File: filepath.Join(folder, "clue-1.nk")},
		"a file its group reads": {File: path},
		"a variable":             {Env: "CLUE_SEED"},
		"a value":                NewSecret(seed),
	} {
		if got, err := secret.resolveSeed(); err != nil || got != seed {
			t.Errorf("from %s: right value %v, error %v", name, got == seed, err)
		}
	}
}

func TestSecretErrorsAreErrSecret(t *testing.T) {
	folder, _ := configtest.NewFolder(t)
	missing := Secret{File: filepath.Join(folder, "no.nk")}
	if _, err := missing.Resolve(); !errors.Is(err, ErrSecret) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not ErrSecret and fs.ErrNotExist", err)
	}
	configtest.WriteFile(t, filepath.Join(folder, "peer.pub"), "no key", 0o644)
	if _, err := (Peer{KeyFile: filepath.Join(folder, "no.pub")}).PublicKeys(); !errors.Is(err, ErrSecret) {
		t.Errorf("%v is not ErrSecret", err)
	}
	both := Secret{File: "a", Env: "b"}
	if _, err := both.Resolve(); err == nil || errors.Is(err, ErrSecret) {
		t.Errorf("%v, want an error that holds anywhere and so is not ErrSecret", err)
	}
}

func TestSecretIsZero(t *testing.T) {
	for _, test := range []struct {
		secret Secret
		want   bool
	}{{Secret{}, true}, {Secret{File: "x"}, false}, {Secret{Env: "X"}, false}, {NewSecret(""), false}} {
		if got := test.secret.IsZero(); got != test.want {
			t.Errorf("IsZero of %+v is %v", test.secret.sources(), got)
		}
	}
}

func TestRedactLeavesPublicKeys(t *testing.T) {
	// This public key has an S with more than 40 letters after it.
	const text = "key UDQAFUQGASCIIISYTXIY43JBXK7HECE2UEO2WOQGLNOVJY2Z7AG3KNGJ of SUPERINTENDENT"
	if got := redact(text); got != text {
		t.Errorf("became %s", got)
	}
	_, seed := configtest.NewFolder(t)
	if got, want := redact("x="+seed+"\n"+seed), "x=(secret)\n(secret)"; got != want {
		t.Errorf("a seed was left in")
	}
}
