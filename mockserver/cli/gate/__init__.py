"""What a build stands on: the judgement of an account, here or elsewhere, and the journal as a file that is left."""
