"""What a valid request and answer is, and its JSON: operations, errors, schemas, proof, wire. No server."""
