"""Pictures of what a number is made of: one kind of picture a file, all of blocks of numbers that can be followed."""
