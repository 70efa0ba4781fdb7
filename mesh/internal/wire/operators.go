package wire

// SignedQuestion is an operator's question to all nodes: it goes on from node to node, each of
// which checks the signature. The answers are Reports.
type SignedQuestion struct {
	_             struct{} `cbor:",toarray"`
	Version, Kind uint64
	// Number, Wait and Asked are as those of a [Question].
	Number ID
	Wait   uint64
	Asked  []string
	// Subject and Body are what the operator asked on and with.
	Subject string
	Body    []byte
	// Operator, Nonce, Expires and Signature are the headers of package operator.
	Operator, Nonce, Expires, Signature string
}

// maxSignedText bounds each text of a [SignedQuestion].
const maxSignedText = 256

func (q *SignedQuestion) check() error {
	for _, text := range []string{q.Subject, q.Operator, q.Nonce, q.Expires, q.Signature} {
		if len(text) > maxSignedText {
			return malformed("talk: a text of %d bytes; at most %d are allowed", len(text), maxSignedText)
		}
	}
	return checkAsked(q.Asked)
}
