package players

import (
	"strings"

	"leafmesh/embedded/client"
)

// wrongGuess is what a team might believe to be the answer: a word of the clue's text, the answer
// of another clue, the right one with a slip of the pen, or what everybody tries.
func (p *player) wrongGuess(c client.Clue) string {
	answer := p.answer(c.ID)
	var guess string
	switch p.random.IntN(4) {
	case 0:
		guess = p.word(c.Title + " " + c.Text)
	case 1:
		guess = p.answer(p.crowd.hunt.Clues[p.random.IntN(len(p.crowd.hunt.Clues))].ID)
	case 2:
		guess = p.slip(answer)
	default:
		guess = popular[p.random.IntN(len(popular))]
	}
	if strings.TrimSpace(guess) == "" {
		return popular[0]
	}
	return guess // It may be right by chance: then so be it.
}

var popular = []string{"treasure", "the answer", "42", "north", "password", "x marks the spot", "🤔", "nothing"}

// word picks a word of a text.
func (p *player) word(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return strings.Trim(words[p.random.IntN(len(words))], `.,;:!?"'()`)
}

// slip swaps two letters next to each other, or doubles the last one.
func (p *player) slip(answer string) string {
	letters := []rune(answer)
	if len(letters) < 2 {
		return answer + answer
	}
	at := p.random.IntN(len(letters) - 1)
	if letters[at] == letters[at+1] {
		return answer + string(letters[len(letters)-1])
	}
	letters[at], letters[at+1] = letters[at+1], letters[at]
	return string(letters)
}

// rightGuess is an answer, written as people write.
func (p *player) rightGuess(c client.Clue) string {
	answer := p.answer(c.ID)
	switch p.random.IntN(4) {
	case 0:
		return strings.ToUpper(answer)
	case 1:
		return " " + strings.ToLower(answer) + "!"
	default:
		return answer
	}
}

// answer is one of a clue's answers, "" for a clue that the hunt does not have.
func (p *player) answer(id string) string {
	clue, found := p.crowd.hunt.Clue(id)
	if !found {
		return ""
	}
	return clue.Answers[p.random.IntN(len(clue.Answers))]
}
