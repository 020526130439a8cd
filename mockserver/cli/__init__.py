"""The command: a module for each subcommand. Exit codes are said in `main`; `exec` decides its own."""
