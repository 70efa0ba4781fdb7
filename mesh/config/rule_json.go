package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// fields are those of a Rule, without its methods: encoding/json takes them as they are.
type fields Rule

// ruleText is a Rule as a node's file has it: durations are texts. A field here hides the one of
// the same name in fields.
type ruleText struct {
	fields
	Within string `json:"within,omitzero"`
}

// MarshalJSON writes the rule with the keys and texts that it has in a node's file, "2s" and
// "20/min", so that what is read in one place can be written in the other.
func (r Rule) MarshalJSON() ([]byte, error) {
	text := ruleText{fields: fields(r)}
	if r.Within != 0 {
		text.Within = r.Within.String()
	}
	return json.Marshal(text)
}

// UnmarshalJSON reads what [Rule.MarshalJSON] writes, in place of the whole rule. A key that no
// rule has is an error, as it is in a file: a misspelt bound would bound nothing.
func (r *Rule) UnmarshalJSON(data []byte) error {
	var text ruleText
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&text); err != nil {
		return fmt.Errorf("read a rule: %w", err)
	}
	rule := Rule(text.fields)
	if text.Within != "" {
		within, err := time.ParseDuration(text.Within)
		if err != nil {
			return fmt.Errorf("read a rule: within %.80q is no duration, as in 500ms, 10s or 5m", text.Within)
		}
		rule.Within = within
	}
	*r = rule
	return nil
}
