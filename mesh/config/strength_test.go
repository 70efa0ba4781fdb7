package config

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// What machines draw is enough, and what people type is not.
func TestAttackWeakPasswords(t *testing.T) {
	for range 1000 {
		random := make([]byte, 24)
		if _, err := rand.Read(random); err != nil {
			t.Fatal(err)
		}
		for name, password := range map[string]string{
			"rand.Text": rand.Text(), "lower case": strings.ToLower(rand.Text()),
			"base64": base64.StdEncoding.EncodeToString(random[:18]), "hex": hex.EncodeToString(random),
		} {
			if bits := strength(password); bits < minStrength {
				t.Fatalf("%s %q has %d bits", name, password, bits)
			}
		}
	}
	for _, password := range []string{
		"", "hunter2", "s3cret", "correct horse", strings.Repeat("a", 100), strings.Repeat("01", 60), "0123456789012345678901234567890123456",
		rand.Text()[:24], hex.EncodeToString([]byte("fifteen bytes!!")),
	} {
		if bits := strength(password); bits >= minStrength {
			t.Errorf("%q has %d bits", password, bits)
		}
	}
}
