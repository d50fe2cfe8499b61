"""The measurements behind the README's tables, a module a subcommand."""
