package lint

// planner is migrate's, which the tests of package lint_test can import.
var planner Planner

// SetPlanner sets what the tests of this package ask.
func SetPlanner(p Planner) { planner = p }
