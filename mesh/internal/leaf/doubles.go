package leaf

import (
	"strings"
	"sync"
	"time"
)

// doubles remember when another process with this node's name and key last took over a link.
type doubles struct {
	mu sync.Mutex
	at map[string]time.Time // guarded by mu; by the peer that the link leads to
}

// note takes what was logged of a link to a peer.
func (d *doubles) note(peer, text string) {
	if !strings.Contains(text, duplicateLink) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at = map[string]time.Time{}
	}
	d.at[peer] = time.Now()
}

func (d *doubles) of(peer string) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at[peer]
}
