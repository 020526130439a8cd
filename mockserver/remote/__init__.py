"""Another server, asked: is it still like this? GETs only; nothing is sent that could change anything."""
