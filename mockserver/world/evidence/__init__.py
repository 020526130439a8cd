"""What a world leaves behind, in the form in which others read it."""
