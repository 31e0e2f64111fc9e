"""What the stages know, as pictures: pieces, matches and flow."""
