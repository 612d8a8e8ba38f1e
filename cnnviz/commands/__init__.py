"""The commands: modules with ``run(args) -> exit code``. To add one: a module here, and its options in ``cli``."""
