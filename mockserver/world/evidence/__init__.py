"""What a world leaves behind: each request with its answer, and the form in which others read them."""
