package wire

// CostOfNonsense is what a message of the talk costs that nobody understands, see [CostOfTalk].
const CostOfNonsense = 100

// CostOfTalk is what it costs to hear a message of the talk with so many bytes, beyond what each
// message costs. It is 1 for some 5 µs of the processor, and bounds what a peer may say in a
// second.
//
// Answers cost nothing more: they are the work that a node is there for, and their bytes are
// bounded.
func CostOfTalk(message any, bytes int) int {
	const (
		hello    = 50 // and the imports
		question = 50
		goodbye  = 10 // it is returned
		perRoot  = 4  // roots that are to be kept
	)
	switch m := message.(type) {
	case *Answers, *Batch:
		return 0
	case *Hello:
		return hello + len(m.Imports) + bytes/bytesOfCost
	case *Question:
		return question
	case *Goodbye:
		return goodbye
	case *Keep:
		return len(m.Roots) / perRoot
	default:
		return bytes / bytesOfCost
	}
}

// bytesOfCost is how many bytes cost 1.
const bytesOfCost = 512
