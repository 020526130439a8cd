"""Control routes of the account: what became of every reply, which requests left the contract, which were to do so."""
