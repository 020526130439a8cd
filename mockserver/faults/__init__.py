"""What can go wrong on purpose, as values: rules and which one acts, effects, mutations, denials."""
