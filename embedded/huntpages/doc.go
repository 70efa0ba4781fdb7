// Package huntpages are the pages of the treasure hunt: the live leaderboard, and one on which
// somebody plays. They stand beside the console, which knows nothing of hunts, and look as it does:
// they load its style sheet and its module dom.js.
//
// A page asks its own server alone, so what it asks of the services' APIs is passed on to them from
// below /hunt/api/.
package huntpages
