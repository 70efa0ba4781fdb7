package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// Each message of the talk is the one that this version has had since it was made: a change here is
// another TalkVersion, and its vectors come beside these.
func TestTalkIsAsItsVectorsSay(t *testing.T) {
	for _, message := range talks() {
		name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", message), "*wire."))
		file := fmt.Sprintf("testdata/talk%d/%s.hex", TalkVersion, name)
		data := must(EncodeTalk(message))
		if *update {
			writeHex(t, file, data)
		}
		if vector := readHex(file); !bytes.Equal(data, vector) {
			t.Errorf("%s: encoded as %x, want %x", name, data, vector)
		} else if got, err := DecodeTalk(vector); err != nil || !reflect.DeepEqual(got, message) {
			t.Errorf("%s: decoded as %+v, %v", name, got, err)
		}
	}
}
