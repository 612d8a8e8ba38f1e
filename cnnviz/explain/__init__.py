"""Where the numbers of a snapshot come from: every one of them has a place, and terms that it is made of."""
