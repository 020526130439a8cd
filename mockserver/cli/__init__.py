"""The command `ocp-mockserver`: one module for each subcommand. Exit codes are said in `main`."""
